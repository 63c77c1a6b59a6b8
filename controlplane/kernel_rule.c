/* SPDX-License-Identifier: BSD-3-Clause */
/* Policy rules in place of a VRF device. */
#include "kernel_rule.h"
#include "kernel_netlink.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#define PRIORITY 1000 /* where the kernel has its own rule for VRF devices */

struct selector {
	uint16_t attribute; /* FRA_IIFNAME, FRA_OIFNAME; FRA_SRC: address */
	const struct ip_addr *address;
};

static int rule_set(struct mnl_socket *rtnetlink, const struct kernel_rule_settings *settings,
	bool v6, const struct selector *selector, bool add)
{
	_Alignas(8) char buffer[256];
	struct nlmsghdr *nlh = kernel_netlink_request(
		buffer, add ? RTM_NEWRULE : RTM_DELRULE, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(nlh, sizeof(*rule));
	int r;

	rule->family = v6 ? AF_INET6 : AF_INET;
	rule->action = FR_ACT_TO_TBL;
	rule->table = settings->table < 256 ? (uint8_t)settings->table : RT_TABLE_UNSPEC;
	mnl_attr_put_u32(nlh, FRA_TABLE, settings->table);
	mnl_attr_put_u32(nlh, FRA_PRIORITY, PRIORITY);
	mnl_attr_put_u8(nlh, FRA_PROTOCOL, settings->protocol);
	if (selector->address) {
		rule->src_len = v6 ? 128 : 32;
		mnl_attr_put(nlh, FRA_SRC, v6 ? 16 : 4, selector->address->bytes);
	} else {
		mnl_attr_put_strz(nlh, selector->attribute, settings->device);
	}
	r = kernel_netlink_talk(rtnetlink, nlh);
	return (add && r == -EEXIST) || (!add && r == -ENOENT) ? 0 : r;
}

int kernel_rules_set(
	struct mnl_socket *rtnetlink, const struct kernel_rule_settings *settings, bool add)
{
	static const struct selector device[] = {
		{.attribute = FRA_IIFNAME}, {.attribute = FRA_OIFNAME}};
	int r = 0;

	for (unsigned int v6 = 0; v6 < 2; v6++)
		for (unsigned int i = 0; i < 2 && (!add || r == 0); i++) {
			r = rule_set(rtnetlink, settings, v6, &device[i], add);
			if (v6 && r == -EAFNOSUPPORT)
				r = 0;
		}
	for (unsigned int i = 0; i < settings->n_addresses && (!add || r == 0); i++)
		r = rule_set(rtnetlink, settings, settings->addresses[i].addr.family == 6,
			&(struct selector){.address = &settings->addresses[i].addr}, add);
	return r;
}
