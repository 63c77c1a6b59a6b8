/* SPDX-License-Identifier: BSD-3-Clause */
/* LCP packets in any order, before and after LCP is open. */
#include "ppp_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_session s;

	fuzz_init(&s, PPP_AUTH_PAP);
	ppp_start(&s.ppp, s.now, NULL);
	fuzz_run(&s, PPP_LCP, data, size);
	fuzz_finish(&s);
	return 0;
}
