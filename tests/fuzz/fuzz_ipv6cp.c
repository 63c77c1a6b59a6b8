/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6CP packets in any order in the network phase. */
#include "ppp_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_session s;

	fuzz_init(&s, PPP_AUTH_NONE);
	fuzz_lcp_open(&s);
	fuzz_open_ipv6(&s);
	fuzz_run(&s, PPP_IPV6CP, data, size);
	fuzz_finish(&s);
	return 0;
}
