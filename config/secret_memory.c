/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for secrets: a mapping each, its length in front. */
#include <config/secret_memory.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD 64

void *secret_memory_alloc(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), length = size + HEAD + page - 1;
	uint8_t *at;

	if (length < size) {
		errno = ENOMEM;
		return NULL;
	}
	length -= length % page;
	at = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return NULL;
	if (madvise(at, length, MADV_DONTDUMP)) {
		munmap(at, length);
		return NULL;
	}
	/* without the right to it, the secrets are as safe as whatever else is in memory */
	(void)!mlock(at, length);
	memcpy(at, &length, sizeof(length));
	return at + HEAD;
}

void secret_memory_free(void *memory)
{
	uint8_t *at = memory;
	size_t length;

	if (!at)
		return;
	at -= HEAD;
	memcpy(&length, at, sizeof(length));
	explicit_bzero(at, length);
	munmap(at, length);
}
