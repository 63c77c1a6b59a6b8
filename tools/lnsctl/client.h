/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One request over the control socket, its answer printed as it comes.
 */
#pragma once

#include <jansson.h>

#include <stdbool.h>
#include <stdio.h>

enum client_exit { EXIT_OK, EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE };

/* Errors go to stderr. Returns enum client_exit. */
int client_run(const char *path, const json_t *request, bool json, FILE *out);
