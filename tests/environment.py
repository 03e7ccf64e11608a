"""A pytest plugin, loaded before Django reads its settings: tests have their own data and database, and no limits."""

import atexit
import os
import shutil
import tempfile

for _name in [name for name in os.environ if name.startswith("VIDEOCRAFT_") or name == "DATABASE_URL"]:
    del os.environ[_name]
os.environ["VIDEOCRAFT_DATA_DIR"] = _data_dir = tempfile.mkdtemp(prefix="vc-test-")
for _name in ("RATE_LIMIT", "RATE_LIMIT_JOBS", "RATE_LIMIT_FAILURES"):
    os.environ[f"VIDEOCRAFT_{_name}"] = "off"
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
