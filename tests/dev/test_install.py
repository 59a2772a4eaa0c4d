"""Only what belongs to the host leaves the source archive."""

import io
import tarfile
from pathlib import Path

from tools import install


def test_only_plain_files_of_the_inner_folder_are_extracted(tmp_path: Path) -> None:
    archive = tmp_path / "source.tar.gz"
    names = ["vendor/ComfyUI/main.py", "vendor/ComfyUI/comfy/ops.py", "vendor/other.py", "vendor/ComfyUI/../../evil.py"]
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(f"package-1.0/{name}")
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
        link = tarfile.TarInfo("package-1.0/vendor/ComfyUI/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    install.extract(archive, "vendor/ComfyUI", tmp_path / "out" / "host")
    made = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert made == {"host/main.py", "host/comfy/ops.py"}
    assert (tmp_path / "out" / "host" / "main.py").read_text() == "vendor/ComfyUI/main.py"
