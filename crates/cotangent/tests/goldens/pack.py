"""Compresses the stored results over 64 KiB in this folder, `x.json` to `x.json.gz`; the scripts write them plain.

The same text is always the same file, so what has not changed is no change. `zcat x.json.gz` shows one.
"""

import gzip
import pathlib

LIMIT = 64 << 10  # tests/package.rs has the same

for path in sorted(pathlib.Path(__file__).parent.glob("*.json")):
    packed = path.with_suffix(".json.gz")
    if path.stat().st_size > LIMIT:
        packed.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        path.unlink()
        print(f"{packed.name}: {packed.stat().st_size} bytes")
    else:
        packed.unlink(missing_ok=True)
