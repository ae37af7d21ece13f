"""Makes the files beside it: what torch.save writes, in a zip archive and as before PyTorch 1.6, by Python's own pickle
with stand-ins for the names of torch and numpy. Needs neither: python3 make.py"""
import argparse
import collections
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile


def named(module, **members):
    place = sys.modules.setdefault(module, types.ModuleType(module))
    for name, member in members.items():
        member.__module__, member.__qualname__, member.__name__ = module, name, name
        setattr(place, name, member)


def function():
    def call(*arguments):
        raise AssertionError("nothing is called while a file is written")
    return call


named("numpy.core")
named("torch", FloatStorage=type("FloatStorage", (), {}), LongStorage=type("LongStorage", (), {}))
named("torch._utils", _rebuild_tensor_v2=function(), _rebuild_parameter=function())
named("numpy.core.multiarray", scalar=function())


class dtype:
    def __reduce__(self):
        return dtype, ("f8", False, True), (3, "<", None, None, None, -1, -1, 0)

    def __setstate__(self, state):
        pass


named("numpy", dtype=dtype)
torch, utils = sys.modules["torch"], sys.modules["torch._utils"]


class Scalar:
    def __reduce__(self):
        return sys.modules["numpy.core.multiarray"].scalar, (dtype(), struct.pack("<d", -0.1))


class Storage:
    def __init__(self, kind, code, values):
        self.kind, self.code, self.values = kind, code, values


class Tensor:
    def __init__(self, storage, shape, strides, offset=0):
        self.parts = storage, offset, shape, strides

    def __reduce_ex__(self, protocol):
        return utils._rebuild_tensor_v2, (*self.parts, False, collections.OrderedDict())


class Parameter(Tensor):
    def __reduce_ex__(self, protocol):
        storage, offset, shape, strides = self.parts
        return utils._rebuild_parameter, (Tensor(storage, shape, strides, offset), True, collections.OrderedDict())


def content():
    halves = Storage(torch.FloatStorage, "f", [0.5 * i for i in range(8)])
    counts = Storage(torch.LongStorage, "q", [7, -1])
    weights = collections.OrderedDict()
    weights["module.fc.weight"] = Parameter(halves, (2, 3), (3, 1), 2)
    weights["module.fc.turned"] = Tensor(halves, (2, 2), (1, 2))
    weights["module.steps"] = Tensor(counts, (2,), (1,))
    weights._metadata = collections.OrderedDict(fc={"version": 1})
    history = collections.defaultdict(list)
    history["loss"].append(0.25)
    return {
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, data=pathlib.PurePosixPath("/x"), flags=[True, None], size=(1, 2)),
        "best": Scalar(),
        "milestones": collections.Counter([30, 60, 60]),
        "history": history,
        "seed": 2**80,
        "sets": [{1, 2}, frozenset([3])],
        "bytes": b"ab\xff",
        "none": None,
        "text": "\u00e9",
        "keys": {(1, 2): 3, None: 4, 1.5: 5},
        "optimizer": {
            "state": {0: {"step": 5, "exp_avg": Tensor(halves, (8,), (1,))}},
            "param_groups": [{"lr": 1e-3, "params": [0]}],
        },
        "model": weights,
    }


def save(path, protocol, legacy):
    storages = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if not isinstance(value, Storage):
                return None
            if value not in storages:
                storages.append(value)
            where = "storage", value.kind, str(storages.index(value)), "cpu", len(value.values)
            return (*where, None) if legacy else where

    body = io.BytesIO()
    Pickler(body, protocol).dump(content())
    blocks = [struct.pack(f"<{len(storage.values)}{storage.code}", *storage.values) for storage in storages]
    if legacy:
        with open(path, "wb") as file:
            pickle.dump(0x1950A86A20F9469CFC6C, file, protocol)
            pickle.dump(1001, file, protocol)
            sizes = {"short": 2, "int": 4, "long": 4}
            pickle.dump({"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}, file, protocol)
            file.write(body.getvalue())
            pickle.dump([str(i) for i in range(len(blocks))], file, protocol)
            for storage, block in zip(storages, blocks):
                file.write(struct.pack("<q", len(storage.values)) + block)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipfile.ZipInfo("archive/data.pkl"), body.getvalue())
            archive.writestr(zipfile.ZipInfo("archive/byteorder"), "little")
            for i, block in enumerate(blocks):
                archive.writestr(zipfile.ZipInfo(f"archive/data/{i}"), block)


for protocol in 2, 4:
    save(pathlib.Path(__file__).with_name(f"zip{protocol}.pth"), protocol, legacy=False)
    save(pathlib.Path(__file__).with_name(f"legacy{protocol}.pth"), protocol, legacy=True)
