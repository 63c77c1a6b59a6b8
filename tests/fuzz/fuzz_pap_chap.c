/* SPDX-License-Identifier: BSD-3-Clause */
/* PAP, CHAP-MD5 and MS-CHAPv2 packets; the first byte chooses which. */
#include "ppp_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_session s;

	if (size < 1)
		return 0;
	fuzz_init(&s, PPP_AUTH_PAP + data[0] % 3);
	fuzz_lcp_open(&s);
	/* MS-CHAPv2 and CHAP-MD5 share the protocol; a fourth of the inputs send the wrong one. */
	fuzz_run(&s, (data[0] % 3 == 0) ^ (data[0] % 4 == 3) ? PPP_PAP : PPP_CHAP, data + 1,
		size - 1);
	fuzz_finish(&s);
	return 0;
}
