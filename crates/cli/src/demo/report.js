"use strict";
(() => {
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const redraws = [];
  const button = document.getElementById("theme");
  const named = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to ${dark() ? "light" : "dark"} colors`);
    redraws.forEach((redraw) => redraw());
  };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    named();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", named);
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // Values under the pointer. The paths of an SVG are in pixels; the panel says how pixels are values.
  const scale = (text, from, to) => {
    const [low, high, kind] = text.split(" ");
    const [a, b] = kind === "log" ? [Math.log(low), Math.log(high)] : [Number(low), Number(high)];
    return (pixel) => {
      const value = a + ((pixel - from) / (to - from)) * (b - a);
      return kind === "log" ? Math.exp(value) : value;
    };
  };
  const written = (value) => {
    const size = Math.abs(value);
    const text = size !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential(3) : String(Number(value.toPrecision(4)));
    return text.replace("-", "\u2212");
  };
  const svgNode = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
    return node;
  };
  // The cells of a heat map, or the pixels of an image.
  const fieldOf = (node) => {
    const group = node.querySelector("g[data-values]");
    if (!group) return null;
    const [x, y, z] = ["columns", "rows", "values"].map((name) => group.dataset[name].split(" ").map(Number));
    return { x, y, z, label: group.dataset.label || "value", image: group.matches(".image") };
  };
  const nearestIndex = (values, at) =>
    values.reduce((best, v, i) => (Math.abs(v - at) < Math.abs(values[best] - at) ? i : best), 0);
  const readable = (svg) => {
    const panels = [...svg.querySelectorAll("g.panel")].map((node) => {
      const [left, top, right, bottom] = node.dataset.frame.split(" ").map(Number);
      const lines = [...node.querySelectorAll("g.line")].map((group) => ({
        label: group.dataset.label || node.dataset.yName || "y",
        stroke: [...group.querySelectorAll("path")].pop(),
        points: [...group.querySelectorAll("path:last-of-type")].flatMap((path) => {
          const numbers = path.getAttribute("d").match(/-?[\d.]+/g).map(Number);
          return numbers.flatMap((x, i) => (i % 2 ? [] : [[x, numbers[i + 1]]]));
        }),
      })).filter((line) => line.points.length > 1);
      const field = fieldOf(node);
      return { node, left, top, right, bottom, lines, field, x: scale(node.dataset.x, left, right), y: scale(node.dataset.y, bottom, top) };
    }).filter((panel) => panel.lines.length || panel.field);
    if (!panels.length) return;
    const holder = svg.parentElement;
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    tip.setAttribute("role", "status");
    holder.append(tip);
    let marks = [];
    panels.forEach((panel) => {
      const places = panel.lines.flatMap((line) => line.points.map((p) => p[0]));
      if (!places.length) [panel.first, panel.last] = [panel.left, panel.right];
      else [panel.first, panel.last] = places.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
    });
    let now = { panel: panels[0], at: panels[0].first };
    const clear = () => {
      marks.forEach((mark) => mark.remove());
      marks = [];
      tip.hidden = true;
    };
    const show = (panel, at) => {
      clear();
      now = { panel, at };
      const nearest = (line) => line.points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
      const found = panel.lines.map((line) => [line, nearest(line)]).filter(([, p]) => Math.abs(p[0] - at) < 25);
      if (!found.length) return;
      const x = found.reduce((a, b) => (Math.abs(b[1][0] - at) < Math.abs(a[1][0] - at) ? b : a))[1][0];
      marks.push(svgNode("line", { class: "cursor", x1: x, x2: x, y1: panel.top, y2: panel.bottom }));
      const rows = found.map(([line, p]) => {
        const stroke = getComputedStyle(line.stroke).stroke;
        const dot = svgNode("circle", { class: "cursor-dot", cx: p[0], cy: p[1], r: 4.5, fill: stroke });
        marks.push(dot);
        const row = document.createElement("div");
        const sample = document.createElement("i");
        sample.style.background = stroke;
        row.append(sample, `${line.label}: ${written(panel.y(p[1]))}`);
        return row;
      });
      marks.forEach((mark) => panel.node.append(mark));
      const head = document.createElement("div");
      head.textContent = `${panel.node.dataset.xName || "x"} = ${written(panel.x(x))}`;
      tip.replaceChildren(head, ...rows);
      tip.hidden = false;
      const box = svg.getBoundingClientRect();
      const ratio = box.width / svg.viewBox.baseVal.width;
      const beside = x * ratio + 14;
      tip.style.left = `${beside + tip.offsetWidth > box.width ? Math.max(0, x * ratio - 14 - tip.offsetWidth) : beside}px`;
      tip.style.top = `${panel.top * ratio + 8}px`;
    };
    const showCell = (panel, i, j) => {
      clear();
      const { x, y, z, label, image } = panel.field;
      now = { panel, at: panel.first, cell: [i, j] };
      const middle = (values, k, read, from, to) => from + ((values[k] - read(from)) / (read(to) - read(from))) * (to - from);
      const at = [middle(x, i, panel.x, panel.left, panel.right), middle(y, j, panel.y, panel.bottom, panel.top)];
      marks.push(svgNode("circle", { class: "cursor-dot", cx: at[0], cy: at[1], r: 4.5, fill: "none" }));
      marks.forEach((mark) => panel.node.append(mark));
      const head = document.createElement("div");
      head.textContent = image
        ? `column ${i}, row ${j}`
        : `${panel.node.dataset.xName || "x"} = ${written(x[i])}, ${panel.node.dataset.yName || "y"} = ${written(y[j])}`;
      const row = document.createElement("div");
      const value = z[j * x.length + i];
      row.textContent = `${image ? "gray" : label}: ${Number.isNaN(value) ? "none" : written(value)}`;
      tip.replaceChildren(head, row);
      tip.hidden = false;
      const box = svg.getBoundingClientRect();
      const ratio = box.width / svg.viewBox.baseVal.width;
      const beside = at[0] * ratio + 14;
      tip.style.left = `${beside + tip.offsetWidth > box.width ? Math.max(0, at[0] * ratio - 14 - tip.offsetWidth) : beside}px`;
      tip.style.top = `${Math.max(0, at[1] * ratio - tip.offsetHeight - 8)}px`;
    };
    // By the arrow keys: to the next cell, or from the last column to the next panel.
    const moveCell = ([dx, dy]) => {
      const { panel } = now;
      const { x, y } = panel.field;
      const [i, j] = now.cell || [x.length >> 1, y.length >> 1];
      const up = panel.y(panel.top) > panel.y(panel.bottom) ? 1 : -1;
      const next = now.cell && panels[panels.indexOf(panel) + dx];
      if ((i + dx < 0 || i + dx >= x.length) && next && next.field) {
        const { x: columns, y: rows } = next.field;
        return showCell(next, dx > 0 ? 0 : columns.length - 1, Math.min(j, rows.length - 1));
      }
      const inside = (k, list) => Math.max(0, Math.min(list.length - 1, k));
      showCell(panel, inside(i + dx, x), inside(j - dy * up, y));
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const ratio = svg.viewBox.baseVal.width / box.width;
      const [x, y] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
      const panel = panels.find((p) => x >= p.left - 4 && x <= p.right + 4 && y >= p.top - 4 && y <= p.bottom + 4);
      if (!panel) return clear();
      if (panel.lines.length) show(panel, x);
      else clear();
      if (panel.field && !marks.length) {
        showCell(panel, nearestIndex(panel.field.x, panel.x(x)), nearestIndex(panel.field.y, panel.y(y)));
      }
    });
    svg.addEventListener("pointerleave", clear);
    holder.tabIndex = 0;
    holder.setAttribute("role", "group");
    holder.setAttribute("aria-label", `${svg.getAttribute("aria-label")}. ${panels[0].lines.length ? "Left and right arrow keys" : "Arrow keys"} read values.`);
    holder.addEventListener("blur", clear);
    holder.addEventListener("keydown", (event) => {
      const across = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (across && !now.panel.lines.length) {
        event.preventDefault();
        return moveCell(across);
      }
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") clear();
      if (!step) return;
      event.preventDefault();
      let { panel, at } = now;
      at += (step * (panel.right - panel.left)) / 60;
      const next = panels[panels.indexOf(panel) + step];
      if (at > panel.last) [panel, at] = next && now.at >= panel.last ? [next, next.first] : [panel, panel.last];
      if (at < panel.first) [panel, at] = next && now.at <= panel.first ? [next, next.last] : [panel, panel.first];
      show(panel, at);
    });
  };

  // Surfaces that turn: the same picture as in the SVG, drawn again for each direction.
  const SIDES = [1.19, 1.19, 0.893];
  const round = (low, high, count) => {
    const rough = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((s) => s * power).find((s) => s >= rough * 0.8) || power;
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(Number((i * step).toPrecision(10)));
    return ticks;
  };
  const turnable = (holder, group, grid) => {
    const svg = group.ownerSVGElement;
    const [left, top, right, bottom] = group.dataset.frame.split(" ").map(Number);
    const { width, height } = svg.viewBox.baseVal;
    const canvas = document.createElement("canvas");
    canvas.className = "turn";
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", `${group.dataset.label || "Surface"}: arrow keys turn it`);
    Object.assign(canvas.style, {
      left: `${(left / width) * 100}%`, top: `${(top / height) * 100}%`,
      width: `${((right - left) / width) * 100}%`, height: `${((bottom - top) / height) * 100}%`,
    });
    holder.append(canvas);
    svg.classList.add("turning");
    const hint = document.createElement("p");
    hint.className = "hint";
    hint.textContent = "Drag, or use the arrow keys, to turn the surface.";
    if (!holder.parentElement.querySelector(".hint")) holder.parentElement.append(hint);
    const finite = grid.z.filter((z) => z !== null);
    const ends = (values) => {
      let [low, high] = [Math.min(...values), Math.max(...values)];
      if (!(high > low)) [low, high] = [low - 0.5, high + 0.5];
      return [low, high];
    };
    const heights = ends(finite.length ? finite : [0]);
    const bounds = [ends(grid.x), ends(grid.y), heights].map(([a, b]) => [a - (b - a) / 48, b + (b - a) / 48]);
    let [elevation, azimuth] = grid.view;
    const draw = () => {
      const box = canvas.getBoundingClientRect();
      if (!box.width) return;
      const sharp = window.devicePixelRatio || 1;
      canvas.width = Math.round(box.width * sharp);
      canvas.height = Math.round(box.height * sharp);
      const pen = canvas.getContext("2d");
      pen.scale(sharp, sharp);
      const [paper, ink, soft, rule, wall] = ["--paper", "--ink", "--soft", "--rule", "--wall"].map(color);
      pen.fillStyle = paper;
      pen.fillRect(0, 0, box.width, box.height);
      const [e, a] = [(elevation * Math.PI) / 180, (azimuth * Math.PI) / 180];
      const [se, ce, sa, ca] = [Math.sin(e), Math.cos(e), Math.sin(a), Math.cos(a)];
      const [across, up, forward] = [[-sa, ca, 0], [-se * ca, -se * sa, ce], [ce * ca, ce * sa, se]];
      const unit = (p, i) => ((p[i] - bounds[i][0]) / (bounds[i][1] - bounds[i][0]) - 0.5) * SIDES[i];
      const dot = (v, p) => v[0] * unit(p, 0) + v[1] * unit(p, 1) + v[2] * unit(p, 2);
      const size = Math.max(11, Math.min(13, box.width / 40));
      const zoom = Math.min((box.width - 90) / 1.72, (box.height - 4.5 * size) / 1.62);
      const see = (p) => {
        const near = dot(forward, p);
        const by = (zoom * 10) / (10 - near);
        return [box.width / 2 + dot(across, p) * by, box.height / 2 - size * 0.4 - dot(up, p) * by, near];
      };
      const polygon = (points, fill, stroke) => {
        pen.beginPath();
        points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
        pen.closePath();
        pen.fillStyle = fill;
        pen.fill();
        pen.strokeStyle = stroke;
        pen.lineWidth = 0.7;
        pen.stroke();
      };
      const line = (points, stroke, thick) => {
        pen.beginPath();
        points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
        pen.strokeStyle = stroke;
        pen.lineWidth = thick;
        pen.lineJoin = "round";
        pen.stroke();
      };
      const far = [0, 1, 2].map((i) => (forward[i] > 0 ? bounds[i][0] : bounds[i][1]));
      const close = [0, 1, 2].map((i) => (forward[i] > 0 ? bounds[i][1] : bounds[i][0]));
      const put = (p, pairs) => {
        const q = [...p];
        pairs.forEach(([i, value]) => (q[i] = value));
        return q;
      };
      const ticks = [0, 1, 2].map((i) => round(bounds[i][0], bounds[i][1], 5));
      for (const axis of [0, 1, 2]) {
        const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
        const corners = [[far, far], [close, far], [close, close], [far, close]];
        polygon(corners.map(([p, q]) => see(put(far, [[u, p[u]], [v, q[v]]]))), wall, rule);
      }
      for (const axis of [0, 1, 2]) {
        const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
        for (const t of ticks[axis]) {
          const here = put(far, [[axis, t]]);
          line([put(here, [[u, close[u]]]), here, put(here, [[v, close[v]]])].map(see), rule, 1);
        }
      }
      const columns = grid.x.length;
      const at = (i, j) => [grid.x[i], grid.y[j], grid.z[j * columns + i]];
      const cells = [];
      const steep = (p, q, axis) => (unit(q, 2) - unit(p, 2)) / (unit(q, axis) - unit(p, axis));
      for (let j = 0; j + 1 < grid.y.length; j++) {
        for (let i = 0; i + 1 < columns; i++) {
          const corners = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
          if (corners.some((p) => p[2] === null)) continue;
          const seen = corners.map(see);
          const mean = corners.reduce((sum, p) => sum + p[2], 0) / 4;
          const [sx, sy] = [steep(corners[0], corners[1], 0), steep(corners[0], corners[3], 1)];
          const light = (1 + 0.35 * sx - 0.35 * sy) / Math.sqrt(1 + sx * sx + sy * sy);
          const shade = Math.min(0.28, Math.max(0, 0.2 * (1 - light)));
          const place = ((mean - heights[0]) / (heights[1] - heights[0])) * (grid.map.length - 1);
          const low = Math.max(0, Math.min(grid.map.length - 2, Math.floor(place)));
          const byte = (text, k) => parseInt(text.slice(1 + 2 * k, 3 + 2 * k), 16);
          const mixed = [0, 1, 2].map((k) => {
            const plain = byte(grid.map[low], k) + (byte(grid.map[low + 1], k) - byte(grid.map[low], k)) * (place - low);
            return Math.round(plain * (1 - shade) + [16, 20, 24][k] * shade);
          });
          cells.push([seen.reduce((sum, p) => sum + p[2], 0), seen, `rgb(${mixed})`]);
        }
      }
      cells.sort((p, q) => p[0] - q[0]);
      cells.forEach(([, points, fill]) => polygon(points, fill, fill));
      if (grid.path.length) {
        line(grid.path.map(see), paper, 5);
        line(grid.path.map(see), color("--s1"), 2.6);
      }
      pen.font = `${size}px system-ui, sans-serif`;
      pen.textBaseline = "middle";
      const edges = [put(far, [[1, close[1]]]), put(far, [[0, close[0]]])];
      const sides = [put(far, [[1, close[1]]]), put(far, [[0, close[0]]])];
      edges.push(see(sides[0])[0] <= see(sides[1])[0] ? sides[0] : sides[1]);
      const middle = see([0, 1, 2].map((i) => (bounds[i][0] + bounds[i][1]) / 2));
      for (const axis of [0, 1, 2]) {
        const [p, q] = bounds[axis].map((end) => see(put(edges[axis], [[axis, end]])));
        line([p, q], soft, 1);
        const long = Math.hypot(q[0] - p[0], q[1] - p[1]) || 1;
        let [nx, ny] = [(q[1] - p[1]) / long, -(q[0] - p[0]) / long];
        if (nx * ((p[0] + q[0]) / 2 - middle[0]) + ny * ((p[1] + q[1]) / 2 - middle[1]) < 0) [nx, ny] = [-nx, -ny];
        pen.textAlign = nx > 0.35 ? "left" : nx < -0.35 ? "right" : "center";
        pen.fillStyle = ink;
        let wide = 0;
        const room = (bounds[axis][1] - bounds[axis][0]) * 0.03;
        let last = null;
        for (const t of ticks[axis].filter((t) => t > bounds[axis][0] + room && t < bounds[axis][1] - room)) {
          const [x, y] = see(put(edges[axis], [[axis, t]]));
          const text = written(t);
          const across = pen.measureText(text).width;
          if (last && Math.abs(last[0] - x) < across + 4 && Math.abs(last[1] - y) < size * 1.1) continue;
          last = [x, y];
          wide = Math.max(wide, across);
          const by = 7 + size * 0.5 * Math.abs(ny);
          pen.fillText(text, x + nx * by, y + ny * by);
        }
        const by = 15 + size * Math.abs(ny) + wide * Math.abs(nx) + size * 0.6;
        pen.fillText(grid.names[axis], (p[0] + q[0]) / 2 + nx * by, (p[1] + q[1]) / 2 + ny * by);
      }
    };
    const turn = (da, de) => {
      azimuth += da;
      elevation = Math.max(-89, Math.min(89, elevation + de));
      draw();
    };
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      from = [event.clientX, event.clientY];
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      turn((from[0] - event.clientX) * 0.5, (event.clientY - from[1]) * 0.5);
      from = [event.clientX, event.clientY];
    });
    ["pointerup", "pointercancel"].forEach((name) => canvas.addEventListener(name, () => (from = null)));
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: [5, 0], ArrowRight: [-5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] }[event.key];
      if (!by) return;
      event.preventDefault();
      turn(...by);
    });
    redraws.push(draw);
    new ResizeObserver(draw).observe(canvas);
  };

  // States of a picture, chosen by a slider.
  const sliding = (figure) => {
    const states = [...figure.querySelectorAll(".state")];
    const [slider, output, play] = ["input", "output", ".play"].map((name) => figure.querySelector(name));
    let timer = null;
    const show = (i) => {
      states.forEach((state, j) => (state.hidden = i !== j));
      slider.value = i;
      output.textContent = states[i].dataset.value;
      slider.setAttribute("aria-valuetext", states[i].dataset.value);
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    };
    slider.addEventListener("input", () => {
      stop();
      show(Number(slider.value));
    });
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (Number(slider.value) === states.length - 1) show(0);
      play.textContent = "Pause";
      timer = setInterval(() => {
        const next = Number(slider.value) + 1;
        if (next < states.length) show(next);
        if (next >= states.length - 1) stop();
      }, 1000 / Number(figure.dataset.rate || 4));
    });
  };

  document.querySelectorAll(".plot").forEach(readable);
  document.querySelectorAll(".wide, .narrow").forEach((holder) => {
    const grids = [];
    for (let next = holder.nextElementSibling; next; next = next.nextElementSibling) {
      if (next.matches("script.grid")) grids.push(JSON.parse(next.textContent));
      else if (!next.matches(".narrow")) break;
    }
    holder.querySelectorAll("g.surface").forEach((group, i) => grids[i] && turnable(holder, group, grids[i]));
  });
  document.querySelectorAll(".states").forEach(sliding);
  if (matchMedia("(max-width: 36rem)").matches) {
    document.querySelectorAll("nav details").forEach((details) => details.removeAttribute("open"));
  }
  named();
})();
