/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a logo is SVG Tiny Portable/Secure (draft-svg-tiny-ps-abrotman): SVG Tiny 1.2 without
 * scripts, animation, interaction, pictures and anything outside of the file. All faults are found,
 * not only the first one.
 */
#ifndef BIMI_LOGO_H
#define BIMI_LOGO_H

#include "bimi/finding.h"

enum {
	BIMI_LOGO_MAX = 32768,           /* bytes of SVG */
	BIMI_LOGO_READ_MAX = 1024 * 1024 /* what has more is not looked at */
};

/* BYTES: a file, SVG or SVGZ. *SVG: what it has when uncompressed; empty if it could not be read.
 * To be called in a process without rights. */
void bimi_logo_check(struct bimi_findings *findings, struct span bytes, struct span *svg);

#endif
