"""Takes away what Python has on Linux and not on macOS, in every process that has this folder on its ``PYTHONPATH``.

``make darwin`` runs the suite so, engines in processes of their own included.
"""

import fcntl
import importlib
import os
import resource
import signal
import socket
import time

GONE = {
    os: """posix_fallocate posix_fadvise pidfd_open eventfd eventfd_read eventfd_write memfd_create getrandom
        copy_file_range splice pipe2 fdatasync sched_getaffinity sched_setaffinity sched_getscheduler sched_setscheduler
        sched_getparam sched_setparam getxattr setxattr listxattr removexattr getresuid getresgid setresuid setresgid
        unshare setns O_PATH O_TMPFILE O_DIRECT O_LARGEFILE O_NOATIME O_RSYNC P_PIDFD PIDFD_NONBLOCK""",
    fcntl: """F_SETLEASE F_GETLEASE F_SETSIG F_GETSIG F_NOTIFY F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW F_SETPIPE_SZ
        F_GETPIPE_SZ F_ADD_SEALS F_GET_SEALS LOCK_MAND LOCK_READ LOCK_WRITE LOCK_RW""",
    time: "CLOCK_BOOTTIME CLOCK_TAI",
    socket: """SOCK_CLOEXEC SOCK_NONBLOCK AF_NETLINK AF_PACKET AF_VSOCK AF_ALG AF_CAN SO_PEERCRED SO_BINDTODEVICE
        SO_MARK MSG_CMSG_CLOEXEC TCP_KEEPIDLE TCP_USER_TIMEOUT TCP_QUICKACK TCP_DEFER_ACCEPT""",
    resource: """prlimit RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME RLIMIT_SIGPENDING RLIMIT_OFILE""",
    signal: """pidfd_send_signal sigtimedwait sigwaitinfo SIGRTMIN SIGRTMAX SIGPWR SIGSTKFLT SIGPOLL SIGCLD""",
}

for module, names in GONE.items():
    for place in (module, importlib.import_module("posix") if module is os else module):
        for name in names.split():
            if hasattr(place, name):
                delattr(place, name)
