"""How large numbers and texts may be where Kubernetes keeps them, or the node's kernel hands them on."""

# Times, ports and counts of most objects are int32 (k8s.io/api, core/v1 and apps/v1 types.go). A Job's deadline is an
# int64 of seconds, which its controller turns into nanoseconds: beyond 292 years that would overflow.
INT32_MAX = 2**31 - 1
# Of a user and of a group alike, though the fields are int64 (apimachinery v0.36, util/validation, IsValidUserID).
ID_MAX = 2**31 - 1
# MiB in a quantity, which counts bytes up to 2^63 - 1; this is a PiB, more than any machine has.
MIB_MAX = 2**30
# All values of a ConfigMap together (kubernetes v1.36, pkg/apis/core/validation, ValidateConfigMap).
CONFIG_MAP_BYTES = 2**20
# One argument of a program, with the zero byte at its end (Linux, MAX_ARG_STRLEN in uapi/linux/binfmts.h).
ARGUMENT_BYTES = 2**17 - 1
# All arguments of a container: the object with them and all the rest has to pass etcd (--max-request-bytes, 1.5 MiB).
ARGUMENTS_BYTES = 2**20
