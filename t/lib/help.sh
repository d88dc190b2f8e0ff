# SPDX-License-Identifier: BSD-2-Clause
# The --help of a script: the comment at its top. To be sourced by bash, before the script looks at its arguments.

help_if_asked() { # the script's arguments
	case ${1:-} in
	-h | --help)
		sed -n '3,${/^#/!q;s/^# \{0,1\}//p;}' "$0"
		exit 0
		;;
	esac
}
help_if_asked "$@"
