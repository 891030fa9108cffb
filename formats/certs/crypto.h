/*
 * Starting GnuTLS so that what it computes depends on its input alone.
 *
 * GnuTLS starts by itself before main, and then reads the system's policy file, which can switch
 * curves and hashes off: one store would get two verdicts on two machines.  A program that has this
 * file linked in does not start it that way; crypto_start does, without the policy file.
 */
#ifndef KM_FORMATS_CERTS_CRYPTO_H
#define KM_FORMATS_CERTS_CRYPTO_H

#include "formats/fault.h"

/* Starts GnuTLS; further calls do nothing and answer the same.  hash_open and proof_key_open call
 * it. A program that calls GnuTLS in any other way has to call it first, and one with threads has
 * to call it before it starts the second, since the environment is changed for a moment.  False
 * with FAULT_UNSUPPORTED when GnuTLS does not start, or FAULT_NO_MEMORY. */
bool crypto_start(struct fault *f);

#endif
