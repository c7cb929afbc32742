"""The kernel's walls around the process that runs a stranger's SQL, on top of its limits.

Landlock leaves it its own files, read-only, and no TCP; seccomp takes away sockets, new processes, other processes'
memory and signals. Both need no privilege and stay for the life of the process. Where the kernel lacks one, the others
stand, and `shut` says which are up. They must be called before the engine starts threads: each thread inherits them.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_NO_NEW_PRIVS: Final = 38
_SET_SECCOMP: Final = 22
_FILTER_MODE: Final = 2
_LANDLOCK: Final = (444, 445, 446)
_READ_FILE: Final = 1 << 2
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
"""By version of the interface, how many of the file rights it knows; 16 from version 5 on."""

_EPERM: Final = 0x00050000 | 1
_ENOSYS: Final = 0x00050000 | 38
_ALLOW: Final = 0x7FFF0000
_CLONE_THREAD: Final = 0x00010000
_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_X32: Final = 0x40000000

_MACHINES: Final = {
    # audit number, clone, denied: socket socketpair connect execve execveat fork vfork ptrace kill tkill
    # process_vm_readv process_vm_writev io_uring_setup open_by_handle_at bpf userfaultfd mount unshare setns
    # pidfd_open pidfd_getfd keyctl
    "x86_64": (
        0xC000003E,
        56,
        (41, 53, 42, 59, 322, 57, 58, 101, 62, 200, 310, 311, 425, 304, 321, 323, 165, 272, 308, 434, 438, 250),
    ),
    "aarch64": (
        0xC00000B7,
        220,
        (198, 199, 203, 221, 281, 117, 129, 130, 270, 271, 425, 265, 280, 282, 40, 97, 268, 434, 438, 219),
    ),
}
_CLONE3: Final = 435


def shut(files: Iterable[Path], memory_bytes: int) -> list[str]:
    """Leave this process `files` and `memory_bytes` of private memory; return the names of the walls that are up."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    up = ["memory", "writes"]
    if sys.platform != "linux":
        return up
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        up += ["files"] if _landlock(libc, files) else []
        up += ["calls"] if _seccomp(libc) else []
    return up


def _landlock(libc: ctypes.CDLL, files: Iterable[Path]) -> bool:
    create, add_rule, restrict = _LANDLOCK
    version = libc.syscall(create, None, 0, 1)
    if version < 1:
        return False
    rights = (1 << _FILE_RIGHTS.get(version, 16)) - 1
    attributes = struct.pack("<QQQ", rights, 3, 3)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = libc.syscall(create, attributes, len(attributes), 0)
    if rules < 0:
        return False
    for path in files:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        libc.syscall(add_rule, rules, 1, struct.pack("<Qi", _READ_FILE, opened), 0)
        os.close(opened)
    done = bool(libc.syscall(restrict, rules, 0) == 0)
    os.close(rules)
    return done


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = _MACHINES.get(platform.machine())
    if machine is None:
        return False
    program = _program(*machine)
    code = ctypes.create_string_buffer(b"".join(program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    return bool(libc.prctl(_SET_SECCOMP, _FILTER_MODE, header, 0, 0) == 0)


def _program(audit: int, clone: int, denied: tuple[int, ...]) -> list[bytes]:
    """Write the filter in the kernel's instructions: operation, jump if true, jump if false, operand."""
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _EPERM),
        (_LOAD, 0, 0, 0),
        (_ABOVE, 0, 1, _X32),
        (_RETURN, 0, 0, _EPERM),
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _ENOSYS),
    ]
    for number in denied:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _EPERM)]
    steps += [
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, 16),
        (_ANY_BIT, 1, 0, _CLONE_THREAD),
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return [struct.pack("<HBBI", *step) for step in steps]
