"""Checks the page that `cotangent demo run NAME --html` writes, in a headless Chromium.

    python3 crates/cli/tests/report.py target/debug/cotangent [DIR] [--axe axe.min.js] [--demo NAME]

It opens the page in light and dark colors, on a telephone's screen and for print. It presses keys on plots, surfaces and
sliders, and reads the console. Pictures of the page and a PDF are written to DIR, to be looked at. With axe-core, its
rules must find nothing. Without a Chromium, the script says so and ends well.
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

DRIVER = """
<script>
const facts = {};
const press = (node, key) => { node.focus(); node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })); };
const seen = (node) => node.getClientRects().length > 0;
const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
window.addEventListener("load", () => setTimeout(async () => {
  const pixels = (canvas) => canvas.toDataURL();
  facts.surfaces = all("canvas.turn").map((canvas) => { const before = pixels(canvas); press(canvas, "ArrowLeft"); return before; });
  await new Promise((done) => setTimeout(done, 300));
  facts.turned = all("canvas.turn").map((canvas, i) => pixels(canvas) !== facts.surfaces[i]);
  facts.surfaces = facts.surfaces.length;
  const plots = all(".wide[role=group], .narrow[role=group]");
  facts.tips = plots.map((holder) => { press(holder, "ArrowRight"); const tip = holder.querySelector(".tip"); return tip && !tip.hidden ? tip.innerText : ""; });
  plots.forEach((holder) => press(holder, "Escape"));
  facts.sliders = all(".states").map((figure) => {
    const [slider, output] = [figure.querySelector("input"), figure.querySelector("output")];
    const before = output.textContent;
    slider.value = 0; slider.dispatchEvent(new Event("input"));
    const states = figure.querySelectorAll(".state:not([hidden])").length;
    return { before, after: output.textContent, states };
  });
  facts.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  facts.colors = getComputedStyle(document.body).backgroundColor;
  document.getElementById("theme").click();
  facts.switched = getComputedStyle(document.body).backgroundColor;
  document.getElementById("theme").click();
  facts.headings = document.querySelectorAll("h2").length;
  if (window.axe) {
    const result = await axe.run(document, { resultTypes: ["violations"] });
    facts.axe = result.violations.map((v) => [v.id, v.impact, v.help, v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160))]);
  }
  facts.width = innerWidth;
  parent.postMessage(JSON.stringify(facts), "*");
}, 500));
</script>
"""

# Shows a page in a frame, which may be narrower than a window. It writes down what the driver in the page found.
FRAME = """<!doctype html><html lang="en"><body style="margin:0">
<script>
window.addEventListener("message", (event) => {
  const out = document.createElement("script");
  out.type = "application/json"; out.id = "facts"; out.textContent = event.data;
  document.body.append(out);
});
</script>
<iframe title="page" style="border:0;width:WIDTHpx;height:HEIGHTpx" src="SOURCE"></iframe></body></html>
"""


def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        if path := shutil.which(name):
            return path
    return None


class Browser:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def run(self, page, *options):
        profile = tempfile.mkdtemp(dir=self.folder)
        command = [
            self.program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--virtual-time-budget=20000",
            f"--user-data-dir={profile}", *options, page.as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240)
        console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
        return done.stdout, console


def variant(html, theme="", axe="", driver=False):
    html = html.replace("<html lang=\"en\">", f'<html lang="en"{theme}>')
    extra = (f"<script>{axe}</script>" if axe else "") + (DRIVER if driver else "")
    return html.replace("</body>", extra + "</body>")


def framed(page, width, height):
    frame = page.with_name(f"{page.stem}_frame.html")
    frame.write_text(FRAME.replace("WIDTH", str(width)).replace("HEIGHT", str(height)).replace("SOURCE", page.name))
    return frame


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("dir", nargs="?", type=pathlib.Path)
    parser.add_argument("--axe", type=pathlib.Path)
    parser.add_argument("--demo", default="optimized-learning")
    options = parser.parse_args()
    program = chromium()
    if program is None:
        print("skipped: there is no Chromium on this machine (chromium, google-chrome)")
        return 0
    scratch = pathlib.Path(tempfile.mkdtemp())
    out = (options.dir or scratch / "out").resolve()
    out.mkdir(parents=True, exist_ok=True)
    page = out / "report.html"
    subprocess.run([options.binary, "demo", "run", options.demo, "--html", page], check=True, stdout=subprocess.DEVNULL)
    html = page.read_text()
    failures = []

    def check(holds, text):
        print("ok  " if holds else "FAIL", text)
        if not holds:
            failures.append(text)

    links = re.findall(r'(?:src|href)="(?!#|data:|https://)([^"]*)"', html)
    check(not links, f"nothing is loaded from elsewhere {links}")
    check(not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=\"https?:", html), "no script or style of the network")
    axe = options.axe.read_text() if options.axe else ""
    browser = Browser(program, scratch)
    for name, theme, width in [("light", "", 1100), ("dark", ' data-theme="dark"', 1100), ("telephone", "", 390)]:
        driven, plain = scratch / f"{name}_driven.html", scratch / f"{name}.html"
        driven.write_text(variant(html, theme, axe, driver=True))
        plain.write_text(variant(html, theme))
        dom, console = browser.run(framed(driven, width, 1400), "--dump-dom", "--window-size=1200,1400")
        check(not console, f"{name}: no message on the console {console[:3]}")
        found = re.search(r'<script type="application/json" id="facts">(.*?)</script>', dom, re.S)
        check(found is not None, f"{name}: the script ran to its end")
        if found:
            facts = json.loads(found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
            check(facts["width"] == width, f"{name}: the screen is {facts['width']} wide")
            check(facts["headings"] > 2, f"{name}: {facts['headings']} headings")
            check(all(facts["turned"]), f"{name}: {facts['surfaces']} surfaces turn by the arrow keys")
            check(all(facts["tips"]), f"{name}: values are read by the arrow keys: {facts['tips'][:1]}")
            good = all(s["before"] != s["after"] and s["states"] == 1 for s in facts["sliders"])
            check(good, f"{name}: {len(facts['sliders'])} sliders change the picture")
            check(facts["colors"] != facts["switched"], f"{name}: the switch changes the colors")
            check(facts["overflow"] <= 0, f"{name}: nothing is wider than the screen ({facts['overflow']})")
            if axe:
                check(not facts["axe"], f"{name}: axe-core finds nothing {json.dumps(facts['axe'], indent=1) if facts['axe'] else ''}")
        browser.run(framed(plain, width, 9000), f"--screenshot={out / (name + '.png')}", f"--window-size={max(width, 500)},9000")
        check((out / f"{name}.png").exists(), f"{name}: {out / (name + '.png')}")
    browser.run(page, f"--print-to-pdf={out / 'report.pdf'}", "--no-pdf-header-footer")
    check((out / "report.pdf").exists(), f"print: {out / 'report.pdf'}")
    shutil.rmtree(scratch, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
