/* SPDX-License-Identifier: BSD-3-Clause */
/* Why something could not be made, in words, for the caller of this thread to read (esp_reason). */
#pragma once

/* Replaces what was there. Never with key material. */
void reason_set(const char *format, ...) __attribute__((format(printf, 1, 2)));
