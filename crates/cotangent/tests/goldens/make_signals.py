"""signals.json: results of jax.scipy.signal, jax.scipy.fft, jax.scipy.ndimage, jax.scipy.optimize and jax.image in f64,
and slopes of the sums of their squares. Arguments are formulas, which tests/libraries/signals.rs repeats."""

from common import *

jax.config.update("jax_enable_x64", True)
import jax.image
import jax.numpy as jnp
import jax.scipy.fft as fft
import jax.scipy.ndimage as ndimage
import jax.scipy.optimize as optimize
import jax.scipy.signal as signal

lines = []


def wave(*shape):
    return jnp.asarray(np.cos(1.3 * np.arange(int(np.prod(shape))) ** 1.1).reshape(shape))


def complex_wave(*shape):
    return wave(*shape) + 1j * jnp.sin(2.0 * wave(*shape))


def rounded(x, digits):
    x = np.asarray(x)
    if np.iscomplexobj(x):
        return [rounded(x.real, digits), rounded(x.imag, digits)]
    return [float(f"{v:.{digits}g}") for v in x.reshape(-1).astype(np.float64)]


def case(name, f, x, slope=True):
    outputs = f(x)
    outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
    entry = {"name": name, "shapes": [list(np.shape(o)) for o in outputs], "outputs": [rounded(o, 10) for o in outputs]}
    if slope:
        total = lambda x: sum(jnp.sum(jnp.abs(o) ** 2) for o in jax.tree.leaves(f(x)))
        entry["slope"] = rounded(jnp.conj(jax.grad(total)(x)), 10)
    lines.append(entry)


k = lambda *shape: wave(*shape) + 0.5
for mode in ("full", "same", "valid"):
    case(f"convolve {mode}", lambda x: signal.convolve(x, k(3, 2), mode), wave(5, 4))
    case(f"convolve swapped {mode}", lambda x: signal.convolve(k(3), x, mode), wave(6))
    case(f"correlate {mode}", lambda x: signal.correlate(x, complex_wave(3), mode), complex_wave(6), slope=False)
    case(f"convolve2d {mode}", lambda x: signal.convolve2d(x, k(2, 3), mode), wave(4, 5))
    case(f"correlate2d {mode}", lambda x: signal.correlate2d(x, k(2, 2), mode), wave(3, 4))
    case(f"correlate2d swapped {mode}", lambda x: signal.correlate2d(x, k(3, 4), mode), wave(2, 3))
    case(f"fftconvolve {mode}", lambda x: signal.fftconvolve(x, k(3, 2), mode), wave(5, 4))
case("fftconvolve axes", lambda x: signal.fftconvolve(x, k(3, 4), "full", axes=0), wave(5, 4))
case("fftconvolve complex", lambda x: signal.fftconvolve(x, k(3), "same"), complex_wave(5), slope=False)
case("detrend constant", lambda x: signal.detrend(x, 0, "constant"), wave(5, 2))
case("detrend linear", lambda x: signal.detrend(x, -1, "linear", bp=[4]), wave(2, 9))
case("stft", lambda x: signal.stft(x, fs=2.0, nperseg=8), wave(2, 30))
case("stft plain", lambda x: signal.stft(x, nperseg=6, noverlap=4, nfft=8, boundary=None, padded=False, window=k(6)), wave(20))
case("stft complex", lambda x: signal.stft(x, nperseg=4, return_onesided=False), complex_wave(11), slope=False)
case("istft", lambda x: signal.istft(signal.stft(x, nperseg=8)[2], nperseg=8), wave(24))
case("istft nfft", lambda z: signal.istft(z, fs=4.0, nperseg=6, noverlap=2, nfft=8, boundary=False), complex_wave(5, 4), slope=False)
case("welch", lambda x: signal.welch(x, fs=3.0, nperseg=8), wave(40))
case("welch median", lambda x: signal.welch(x, nperseg=7, detrend="linear", scaling="spectrum", average="median"), wave(2, 40))
case("welch axis", lambda x: signal.welch(x, nperseg=8, axis=0, return_onesided=False, detrend=False), wave(20, 2))
case("csd", lambda x: signal.csd(x, wave(26), nperseg=8), wave(30) ** 2)
for norm in ("backward", "ortho"):
    case(f"dct {norm}", lambda x: fft.dct(x, norm=norm), wave(2, 5))
    case(f"idct {norm}", lambda x: fft.idct(x, norm=norm), wave(2, 6))
    case(f"dctn {norm}", lambda x: fft.dctn(x, norm=norm), wave(3, 4, 2))
    case(f"idctn {norm}", lambda x: fft.idctn(x, axes=(0, 2), norm=norm), wave(3, 4, 2))
case("dct n", lambda x: fft.dct(x, n=7, axis=0), wave(5, 2))
case("dct complex", fft.dct, complex_wave(4), slope=False)
for method in ("nearest", "linear", "lanczos3", "lanczos5", "cubic", "cubic-pytorch", "area"):
    for antialias in (True, False):
        f = lambda x: jax.image.resize(x, (7, 3, 2), method, antialias=antialias)
        case(f"resize {method} {antialias}", f, wave(4, 5, 2))
for method in ("linear", "cubic", "lanczos3", "cubic-pytorch"):
    moved = lambda s: jax.image.scale_and_translate(wave(4, 5), (5, 4), (0, 1), s[0], s[1], method, antialias=method != "cubic-pytorch")
    case(f"scale_and_translate {method}", moved if method != "cubic-pytorch" else lambda s: jax.image.scale_and_translate(
        s, (5, 4), (0, 1), np.array([1.3, 0.7]), np.array([0.4, -0.6]), method, antialias=False),
        jnp.asarray([[1.3, 0.7], [0.4, -0.6]]) if method != "cubic-pytorch" else wave(4, 5))
for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
    for order in (0, 1):
        f = lambda c: ndimage.map_coordinates(wave(4, 3), [c[0], c[1]], order, mode=mode, cval=0.7)
        case(f"map_coordinates {mode} {order}", f, 6.0 * wave(2, 8))


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def found(f):
    def run(x):
        r = optimize.minimize(f, x, method="BFGS")
        return r.x, r.fun, r.jac, r.success, r.status, r.nit

    return run


case("minimize rosenbrock", found(rosenbrock), jnp.asarray([-1.2, 1.0, 0.5]), slope=False)
case("minimize waves", found(lambda x: jnp.sum(jnp.cos(x) + 0.1 * x**2 * jnp.arange(1.0, 4.0))), wave(3), slope=False)

path = pathlib.Path(__file__).with_name("signals.json")
text = ",\n".join(json.dumps(line, separators=(",", ":"), allow_nan=False) for line in lines)
path.write_text('{"jax":"%s",\n"cases":[\n%s\n]}\n' % (jax.__version__, text))
print(len(lines), path.stat().st_size)
