/* Signature proofs with a few imported keys kept: see prover.h. */
#include "migrate/judge/prover.h"

#include <stdlib.h>

enum { KEYS = 64 };

struct prover {
    const struct model *model;
    bool failed;
    struct {
        struct proof_key key;
        unsigned certificate;
        bool open;
    } slot[KEYS];
};

struct prover *prover_open(const struct model *model)
{
    struct prover *p = calloc(1, sizeof *p);
    if (p)
        p->model = model;
    return p;
}

void prover_close(struct prover *p)
{
    for (unsigned i = 0; p && i < KEYS; i++)
        if (p->slot[i].open)
            proof_key_close(&p->slot[i].key);
    free(p);
}

struct proof prover_check(struct prover *p, unsigned issuer,
                          const struct x509_signed *signed_object)
{
    unsigned i = issuer % KEYS;
    if (p->slot[i].open && p->slot[i].certificate != issuer) {
        proof_key_close(&p->slot[i].key);
        p->slot[i].open = false;
    }
    if (!p->slot[i].open) {
        proof_key_open(&p->slot[i].key, p->model->certificate[issuer].x509.spki);
        p->slot[i].open = true;
        p->slot[i].certificate = issuer;
    }
    struct proof proof = proof_signature(&p->slot[i].key, signed_object);
    if (proof.no_memory)
        p->failed = true;
    return proof;
}

bool prover_failed(const struct prover *p)
{
    return p->failed;
}
