"""A pytest plugin, loaded before Django reads its settings: tests get a data directory and a database of their own."""

import atexit
import os
import shutil
import tempfile

for _name in [name for name in os.environ if name.startswith("VIDEOCRAFT_") or name == "DATABASE_URL"]:
    del os.environ[_name]
os.environ["VIDEOCRAFT_DATA_DIR"] = _data_dir = tempfile.mkdtemp(prefix="vc-test-")
atexit.register(shutil.rmtree, _data_dir, ignore_errors=True)
