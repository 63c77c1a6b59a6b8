/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The words of the command line as a request for the control socket.
 */
#pragma once

#include <jansson.h>

#include <stddef.h>

/*
 * words: what stands behind lnsctl's own options. A new {"command":, "args":} or NULL with a sentence in error.
 */
json_t *request_parse(int n, char *const *words, char *error, size_t error_size);
/* The commands and options, one a line. */
extern const char request_help[];
