/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values of the control socket: strings from the network as JSON, arguments checked.
 */
#include "ctl_socket.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

json_t *ctl_string(const char *text)
{
	char buffer[4 * 1024];
	json_t *string;

	log_escape(buffer, sizeof(buffer), text ? text : "", text ? strlen(text) : 0);
	string = json_string(buffer);
	return string ? string : json_null();
}

int ctl_arg_integer(
	struct ctl_request *request, const char *name, int64_t min, int64_t max, int64_t *value)
{
	const json_t *arg = json_object_get(request->args, name);

	if (!arg)
		return -ENOENT;
	if (!json_is_integer(arg) || json_integer_value(arg) < min ||
		json_integer_value(arg) > max) {
		snprintf(request->error, sizeof(request->error),
			"%s: expected a number from %lld to %lld", name, (long long)min,
			(long long)max);
		return -EINVAL;
	}
	*value = json_integer_value(arg);
	return 0;
}

int ctl_arg_string(struct ctl_request *request, const char *name, const char **value)
{
	const json_t *arg = json_object_get(request->args, name);

	if (!arg)
		return -ENOENT;
	if (!json_is_string(arg) || !*json_string_value(arg) || json_string_length(arg) > 255) {
		snprintf(request->error, sizeof(request->error),
			"%s: expected a text of 1 to 255 characters", name);
		return -EINVAL;
	}
	*value = json_string_value(arg);
	return 0;
}
