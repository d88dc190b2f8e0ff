#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Makes ./configure from a clone.
set -e
cd "$(dirname "$0")"
mkdir -p m4 build-aux
exec autoreconf --install --warnings=no-obsolete
