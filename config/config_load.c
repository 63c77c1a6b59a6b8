/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads a configuration file: text, tree, values, checks; and frees what came of it. */
#include "draft.h"
#include "error.h"

#include <config/secret_memory.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)256 << 20)

struct text {
	char *bytes;
	size_t length, size;
};

static void text_free(struct text *text)
{
	secret_memory_free(text->bytes);
}

static int text_grow(struct text *text)
{
	size_t size = text->size ? 2 * text->size : 65536;
	char *bytes = secret_memory_alloc(size);

	if (!bytes)
		return -ENOMEM;
	if (text->length)
		memcpy(bytes, text->bytes, text->length);
	text_free(text);
	text->bytes = bytes;
	text->size = size;
	return 0;
}

static int text_read(int fd, struct text *text)
{
	for (;;) {
		ssize_t n;

		if (text->length == text->size) {
			if (text->size >= FILE_MAX)
				return -EFBIG;
			if (text_grow(text))
				return -ENOMEM;
		}
		n = read(fd, text->bytes + text->length, text->size - text->length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		text->length += (size_t)n;
	}
}

static int config_read(
	struct config_reader *reader, const struct yaml_node *root, struct config *config)
{
	struct config_draft draft = {.reader = reader, .config = config, .root = root};
	int ret;

	schema_defaults(schema_root, config);
	reader_mapping(reader, NULL, root, schema_root, config);
	ret = reader->failure;
	if (!ret)
		ret = draft_resolve(&draft);
	if (!ret)
		ret = draft_check(&draft);
	if (!ret && reader->errors->n)
		ret = -EINVAL;
	if (!ret)
		ret = draft_finish(&draft);
	draft_free(&draft);
	return ret;
}

int config_parse(const char *name, const void *text, size_t length, struct config **out,
	struct config_errors *errors)
{
	struct config_reader reader = {.file = name, .errors = errors};
	struct config *config = NULL;
	struct yaml_tree tree = {0};
	struct yaml_error error;
	const char *slash = strrchr(name, '/');
	char *folder = NULL;
	int ret;

	memset(errors, 0, sizeof(*errors));
	*out = NULL;
	ret = yaml_tree_parse(&tree, text, length, &error);
	if (ret == -EINVAL)
		config_errors_add(errors, "%s:%u:%u: (syntax): %s", name, error.line, error.column,
			error.text);
	if (ret)
		goto out;
	ret = -ENOMEM;
	folder = strndup(name, slash ? (size_t)(slash + 1 - name) : 0);
	config = calloc(1, sizeof(*config));
	if (!folder || !config)
		goto out;
	reader.folder = folder;
	config->path = strdup(name);
	if (!config->path)
		goto out;
	ret = config_read(&reader, tree.root, config);
	if (ret)
		goto out;
	*out = config;
	config = NULL;
out:
	if (ret && !errors->n)
		config_errors_add(errors, "%s:1:1: (file): %s, expected a file that fits in memory",
			name, strerrordesc_np(-ret));
	config_free(config);
	free(folder);
	yaml_tree_free(&tree);
	return ret;
}

int config_load(const char *path, struct config **out, struct config_errors *errors)
{
	struct text text = {0};
	int fd, ret;

	memset(errors, 0, sizeof(*errors));
	*out = NULL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ret = fd < 0 ? -errno : text_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (ret)
		config_errors_add(errors,
			"%s:1:1: (file): cannot be read (%s), expected a YAML file", path,
			strerrordesc_np(-ret));
	else
		ret = config_parse(path, text.bytes, text.length, out, errors);
	text_free(&text);
	return ret;
}

void config_free(struct config *config)
{
	unsigned int i;

	if (!config)
		return;
	for (i = 0; i < config->n_pools && config->pools; i++)
		free(config->pools[i].aggregates);
	config_users_free(config);
	schema_free(schema_root, config);
	free(config->path);
	explicit_bzero(config, sizeof(*config));
	free(config);
}
