"""The beginning of every archive of pods/: makes the modules that it carries importable, from memory.

In an archive FILES holds them, and below stands the program itself. One compressed text takes two thirds of the bytes
of a zip file with an entry for each module.
"""

import sys
from importlib.abc import ExecutionLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader

FILES: dict[str, str] = {}  # path -> source


class Archive(ExecutionLoader):
    """Finds the modules of FILES and loads them; a traceback names them as if they were files of the archive."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        return spec_from_loader(name, self) if self.path(name) in FILES else None

    def is_package(self, fullname: str) -> bool:
        return f"{fullname.replace('.', '/')}/__init__.py" in FILES

    def path(self, name: str) -> str:
        return f"{name.replace('.', '/')}{'/__init__' if self.is_package(name) else ''}.py"

    def get_filename(self, fullname: str) -> str:
        return f"{sys.argv[0]}/{self.path(fullname)}"

    def get_source(self, fullname: str) -> str:
        return FILES[self.path(fullname)]


sys.meta_path.insert(0, Archive())
