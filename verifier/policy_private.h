/* policy_private.h - a policy as reading and judging it share it. */
#ifndef AK_POLICY_PRIVATE_H
#define AK_POLICY_PRIVATE_H

#include <akashi/policy.h>
#include <akashi/sha256.h>

#define AK_POLICY_NODES_MAX (AK_POLICY_WITNESSES_MAX + AK_POLICY_GROUPS_MAX)

/* A name: of a witness, or of a group of names that stand before it. */
struct ak_policy_node {
    const char *name;
    bool is_group;
    bool is_member;   /* of a group already */
    unsigned witness; /* of a witness: which */
    unsigned needed;  /* of a group: how many of its members */
    unsigned members; /* how many it has, from `first` on in ak_policy.member */
    unsigned first;
};

struct ak_policy {
    struct ak_policy_log *log;
    struct ak_hash *log_key; /* of each log's type-less public key: for duplicates */
    size_t log_count;
    struct ak_policy_witness witness[AK_POLICY_WITNESSES_MAX];
    struct ak_hash witness_key[AK_POLICY_WITNESSES_MAX];
    unsigned witness_count;
    struct ak_policy_node node[AK_POLICY_NODES_MAX]; /* in the order of their lines */
    unsigned node_count;
    unsigned group_count;
    unsigned member[AK_POLICY_NODES_MAX]; /* numbers of nodes; each is a member once at most */
    unsigned member_count;
    bool has_quorum;
    bool quorum_none;
    unsigned quorum; /* a node, unless none */
    char *text;      /* a copy of the file, cut into strings */
};

#endif
