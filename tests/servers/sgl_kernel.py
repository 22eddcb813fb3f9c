"""Stands in for SGLang's kernels, which come for CUDA only: every name can be imported, and raises
when it is called."""

import importlib.abc
import importlib.machinery
import sys
import types

__version__ = "0.4.10"


def missing(name):
    def kernel(*_, **__):
        raise NotImplementedError(f"{name} needs CUDA")

    return kernel


def names_of(module):
    def attribute(name):
        if name.startswith("__"):
            raise AttributeError(name)
        return missing(f"{module}.{name}")

    return attribute


class Submodules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Any submodule that is not there."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(f"{__name__}."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__getattr__ = names_of(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


__getattr__ = names_of(__name__)
# Last: a submodule that is there is found before.
sys.meta_path.append(Submodules())
