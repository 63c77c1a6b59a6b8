/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a secret from a file of its own, whose mode keeps it one. */
#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file's bytes into buffer; the count, or -errno. */
static ssize_t file_read(int fd, char *buffer, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, buffer + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

bool reader_secret_file(struct config_reader *reader, const struct config_path *path,
	const struct yaml_node *node, const struct schema_field *field, char *target)
{
	const char *text = reader_scalar(reader, path, node, field, false, "the name of a file");
	char name[4096], buffer[CONFIG_SECRET_MAX + 2];
	struct stat st;
	ssize_t n;
	bool ok = false;
	int fd;

	if (!text)
		return false;
	if ((size_t)snprintf(name, sizeof(name), "%s%s", *text == '/' ? "" : reader->folder,
		    text) >= sizeof(name))
		return reader_expected(reader, path, node, field, "a shorter file name");
	/* Not blocking: a FIFO must not hold up the load. */
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return reader_error(reader, path, node, "%s cannot be read (%s), expected a file",
			text, strerrordesc_np(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		reader_error(reader, path, node, "%s is no regular file, expected one", text);
		goto out;
	}
	if (st.st_mode & (S_IRWXO | S_IWGRP)) {
		reader_error(reader, path, node,
			"%s has mode %04o, expected no access for others and no writing by the "
			"group "
			"(chmod 0600 or 0640)",
			text, (unsigned int)st.st_mode & 07777);
		goto out;
	}
	if (st.st_uid && st.st_uid != geteuid()) {
		reader_error(reader, path, node,
			"%s belongs to user %u, expected root or the user that runs lnsd", text,
			(unsigned int)st.st_uid);
		goto out;
	}
	/* Two bytes more than fit: room for a line end, and too long shows. */
	n = file_read(fd, buffer, sizeof(buffer));
	if (n < 0) {
		reader_error(reader, path, node, "%s cannot be read (%s), expected a file", text,
			strerrordesc_np((int)-n));
		goto out;
	}
	if (n && buffer[n - 1] == '\n')
		n--;
	if (n && buffer[n - 1] == '\r')
		n--;
	if (!n)
		reader_error(reader, path, node, "%s is empty, expected a secret in it", text);
	else if ((size_t)n >= field->size)
		reader_error(reader, path, node, "%s holds more than %zu bytes, expected 1 to %zu",
			text, field->size - 1, field->size - 1);
	else if (memchr(buffer, '\n', n) || memchr(buffer, '\r', n) || memchr(buffer, '\0', n))
		reader_error(reader, path, node,
			"%s holds several lines or a NUL, expected one line of text", text);
	else
		ok = true;
	if (ok) {
		memcpy(target, buffer, n);
		target[n] = '\0';
	}
out:
	explicit_bzero(buffer, sizeof(buffer));
	close(fd);
	return ok;
}
