/* bundle_provenance.c - who exported what, by which program, as JSON-LD of CASE/UCO: an
 * investigative action with its result, and the provenance record that gives the exhibit's number.
 *
 * Identifiers are made from the statements, so that the same bundle always has the same ones. */
#include "bundle_derive.h"

#include "jsonout.h"
#include "when.h"

#include <string.h>

static const struct {
    const char *prefix;
    const char *iri;
} context[] = {
    {"kb", "urn:uuid:"},
    {"case-investigation", "https://ontology.caseontology.org/case/investigation/"},
    {"uco-action", "https://ontology.unifiedcyberontology.org/uco/action/"},
    {"uco-core", "https://ontology.unifiedcyberontology.org/uco/core/"},
    {"uco-identity", "https://ontology.unifiedcyberontology.org/uco/identity/"},
    {"uco-observable", "https://ontology.unifiedcyberontology.org/uco/observable/"},
    {"uco-tool", "https://ontology.unifiedcyberontology.org/uco/tool/"},
    {"uco-types", "https://ontology.unifiedcyberontology.org/uco/types/"},
    {"uco-vocabulary", "https://ontology.unifiedcyberontology.org/uco/vocabulary/"},
    {"xsd", "http://www.w3.org/2001/XMLSchema#"},
};

struct provenance {
    struct ak_json_out out;
    const struct ak_bundle_about *about;
    const struct ak_bundle_derive_file *files;
};

/* "kb:" and a UUID (RFC 9562, version 8) made of the statements and a word. */
static const char *id_of(const struct provenance *p, const char *word, char out[40])
{
    struct ak_sha256_ctx sha;
    struct ak_hash h;
    size_t n = 3;

    ak_sha256_init(&sha);
    ak_sha256_update(&sha, "akashi/provenance/v1\n", strlen("akashi/provenance/v1\n"));
    ak_sha256_update(&sha, p->files[AK_BUNDLE_ABOUT].digest.b, AK_HASH_BYTES);
    ak_sha256_update(&sha, word, strlen(word));
    ak_sha256_final(&sha, &h);
    h.b[6] = (uint8_t)((h.b[6] & 0x0f) | 0x80);
    h.b[8] = (uint8_t)((h.b[8] & 0x3f) | 0x80);
    memcpy(out, "kb:", n);
    for (unsigned i = 0; i < 16; i++)
        n += (size_t)snprintf(out + n, 40 - n, "%s%02x",
                              i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", h.b[i]);
    return out;
}

static void put_text(struct provenance *p, const char *name, const char *text)
{
    if (text != NULL)
        (void)ak_json_out_text(&p->out, name, text, strlen(text));
}

static void begin(struct provenance *p, const char *word, const char *type)
{
    char id[40];

    ak_json_out_open(&p->out, NULL, '{');
    ak_json_out_string(&p->out, "@id", id_of(p, word, id));
    ak_json_out_string(&p->out, "@type", type);
}

static void end(struct provenance *p)
{
    ak_json_out_close(&p->out, '}');
}

static void put_link(struct provenance *p, const char *name, const char *word)
{
    char id[40];

    ak_json_out_open(&p->out, name, '{');
    ak_json_out_string(&p->out, "@id", id_of(p, word, id));
    ak_json_out_close(&p->out, '}');
}

static void put_typed(struct provenance *p, const char *name, const char *type, const char *value)
{
    ak_json_out_open(&p->out, name, '{');
    ak_json_out_string(&p->out, "@type", type);
    ak_json_out_string(&p->out, "@value", value);
    ak_json_out_close(&p->out, '}');
}

bool ak_bundle_derive_names(enum ak_bundle_name name)
{
    return name != AK_BUNDLE_README && name != AK_BUNDLE_SUMS && name != AK_BUNDLE_JSONL &&
           name != AK_BUNDLE_CSV && name != AK_BUNDLE_PROVENANCE;
}

static void put_file_links(struct provenance *p)
{
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (ak_bundle_derive_names((enum ak_bundle_name)i) && p->files[i].there)
            put_link(p, NULL, ak_bundle_file_name((enum ak_bundle_name)i));
    }
}

static void put_investigation(struct provenance *p)
{
    begin(p, "investigation", "case-investigation:Investigation");
    put_text(p, "uco-core:name", p->about->text[AK_BUNDLE_TEXT_CASE]);
    put_text(p, "uco-core:description", p->about->text[AK_BUNDLE_TEXT_REASON]);
    ak_json_out_open(&p->out, "uco-core:object", '[');
    put_link(p, NULL, "action");
    put_link(p, NULL, "provenance");
    ak_json_out_close(&p->out, ']');
    end(p);
}

static void put_action(struct provenance *p)
{
    char time[AK_WHEN_TEXT_BYTES];

    begin(p, "action", "case-investigation:InvestigativeAction");
    ak_json_out_string(&p->out, "uco-core:name", "export");
    put_text(p, "uco-core:description", p->about->text[AK_BUNDLE_TEXT_REASON]);
    put_typed(p, "uco-action:startTime", "xsd:dateTime", ak_when_format(time, p->about->made));
    put_link(p, "uco-action:performer", "performer");
    put_link(p, "uco-action:instrument", "tool");
    ak_json_out_open(&p->out, "uco-action:object", '[');
    put_link(p, NULL, "log");
    ak_json_out_close(&p->out, ']');
    ak_json_out_open(&p->out, "uco-action:result", '[');
    put_link(p, NULL, "provenance");
    put_file_links(p);
    ak_json_out_close(&p->out, ']');
    end(p);
}

static void put_people(struct provenance *p)
{
    begin(p, "performer", "uco-identity:Person");
    put_text(p, "uco-core:name", p->about->text[AK_BUNDLE_TEXT_BY]);
    put_text(p, "uco-core:description", p->about->text[AK_BUNDLE_TEXT_ON_BEHALF_OF]);
    end(p);
    begin(p, "tool", "uco-tool:Tool");
    put_text(p, "uco-core:name", p->about->text[AK_BUNDLE_TEXT_PROGRAM]);
    put_text(p, "uco-core:description", p->about->text[AK_BUNDLE_TEXT_PROGRAM_SHA256]);
    end(p);
    begin(p, "log", "uco-observable:ObservableObject");
    put_text(p, "uco-core:name", p->about->text[AK_BUNDLE_TEXT_ORIGIN]);
    end(p);
}

static void put_record(struct provenance *p)
{
    begin(p, "provenance", "case-investigation:ProvenanceRecord");
    put_text(p, "case-investigation:exhibitNumber", p->about->text[AK_BUNDLE_TEXT_EXHIBIT]);
    put_text(p, "uco-core:description", p->about->text[AK_BUNDLE_TEXT_MANDATE]);
    ak_json_out_open(&p->out, "uco-core:object", '[');
    put_file_links(p);
    ak_json_out_close(&p->out, ']');
    end(p);
}

static void put_hash(struct provenance *p, const struct ak_hash *hash)
{
    char digits[2 * AK_HASH_BYTES + 1];

    for (unsigned i = 0; i < AK_HASH_BYTES; i++)
        (void)snprintf(digits + (size_t)i * 2, 3, "%02x", hash->b[i]);
    ak_json_out_open(&p->out, "uco-observable:hash", '{');
    ak_json_out_string(&p->out, "@type", "uco-types:Hash");
    put_typed(p, "uco-types:hashMethod", "uco-vocabulary:HashNameVocab", "SHA256");
    put_typed(p, "uco-types:hashValue", "xsd:hexBinary", digits);
    ak_json_out_close(&p->out, '}');
}

static void put_file(struct provenance *p, enum ak_bundle_name name)
{
    begin(p, ak_bundle_file_name(name), "uco-observable:File");
    ak_json_out_open(&p->out, "uco-core:hasFacet", '[');
    ak_json_out_open(&p->out, NULL, '{');
    ak_json_out_string(&p->out, "@type", "uco-observable:FileFacet");
    ak_json_out_string(&p->out, "uco-observable:fileName", ak_bundle_file_name(name));
    ak_json_out_uint(&p->out, "uco-observable:sizeInBytes", p->files[name].bytes);
    ak_json_out_close(&p->out, '}');
    ak_json_out_open(&p->out, NULL, '{');
    ak_json_out_string(&p->out, "@type", "uco-observable:ContentDataFacet");
    put_hash(p, &p->files[name].digest);
    ak_json_out_close(&p->out, '}');
    ak_json_out_close(&p->out, ']');
    end(p);
}

void ak_bundle_derive_provenance(FILE *file, const struct ak_bundle_about *about,
                                 const struct ak_bundle_derive_file *files)
{
    struct provenance p = {.about = about, .files = files};

    ak_json_out_init(&p.out, file);
    ak_json_out_open(&p.out, NULL, '{');
    ak_json_out_open(&p.out, "@context", '{');
    for (size_t i = 0; i < sizeof(context) / sizeof(context[0]); i++)
        ak_json_out_string(&p.out, context[i].prefix, context[i].iri);
    ak_json_out_close(&p.out, '}');
    ak_json_out_open(&p.out, "@graph", '[');
    put_investigation(&p);
    put_action(&p);
    put_people(&p);
    put_record(&p);
    for (unsigned i = 0; i < AK_BUNDLE_NAMES; i++) {
        if (ak_bundle_derive_names((enum ak_bundle_name)i) && files[i].there)
            put_file(&p, (enum ak_bundle_name)i);
    }
    ak_json_out_close(&p.out, ']');
    ak_json_out_close(&p.out, '}');
    fputc('\n', file);
}
