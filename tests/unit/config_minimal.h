/* SPDX-License-Identifier: BSD-3-Clause */
/* What a configuration begins with in tests and fuzzers of the control plane: one worker, one interface of both sides. */
#pragma once

#define MINIMAL_LNS                                                                              \
	"lns: {host-name: lns}\n"                                                                \
	"dpdk: {main-core: 0, worker-cores: [1], vdevs: [net_null0], hugepages: false, memory: " \
	"512}\n"                                                                                 \
	"interfaces:\n"                                                                          \
	"  - {name: a0, device: net_null0, role: both, addresses: [192.0.2.1/24]}\n"
