/* report_words.c - tables of fixed text. */
#include "report_words.h"

#include <stddef.h>

static const struct ak_words verdicts[] = {
    [AK_VALID] = {"VALID", "有効"},
    [AK_INCOMPLETE] = {"INCOMPLETE", "不完全"},
    [AK_NOT_CHECKABLE] = {"NOT CHECKABLE", "検証不能"},
    [AK_INVALID] = {"INVALID", "不一致"},
};

static const struct ak_words above[] = {
    [AK_VALID] = {"All that is shown is, byte for byte, what the collector signed.",
                  "示した記録は、収集装置が署名した時点から 1 バイトも変わっていません。"},
    [AK_INCOMPLETE] = {"What is proven is unchanged, but parts that should be there are missing or "
                       "unsigned (above).",
                       "証明された記録に変更はありませんが、あるべき部分が欠けています(上記)。"},
    [AK_NOT_CHECKABLE] = {"This could not be checked (above). Nothing is said about the records.",
                          "検証できませんでした(上記)。記録の正否については何も述べません。"},
    [AK_INVALID] = {"Something differs from what was signed (above). Who did it, and whether by "
                    "intent, this check cannot say.",
                    "署名時と異なる箇所があります(上記)。誰が、故意か否かは、この検査では分かり"
                    "ません。"},
};

static const struct ak_words below[] = {
    [AK_VALID] = {"All that is shown is, byte for byte, what the collector signed.",
                  "示した記録は、収集装置が署名した時点から 1 バイトも変わっていません。"},
    [AK_INCOMPLETE] = {"What is proven is unchanged, but parts that should be there are missing or "
                       "unsigned (below).",
                       "証明された記録に変更はありませんが、あるべき部分が欠けています(下記)。"},
    [AK_NOT_CHECKABLE] = {"This could not be checked (below). Nothing is said about the records.",
                          "検証できませんでした(下記)。記録の正否については何も述べません。"},
    [AK_INVALID] = {"Something differs from what was signed (below). Who did it, and whether by "
                    "intent, this check cannot say.",
                    "署名時と異なる箇所があります(下記)。誰が、故意か否かは、この検査では分かり"
                    "ません。"},
};

/* A checkpoint alone: no record was looked at. */
static const struct ak_words checkpoint = {
    "The checkpoint is signed by the log's key. No record was looked at.",
    "チェックポイントは記録簿の鍵で署名されています。記録そのものは検査していません。",
};

const struct ak_words ak_words_not_shown = {
    "Not shown: whether what a device reported is true; what it never sent; who sent it where only "
    "an address is known.",
    "機器の報告内容の真実性、送信されなかった事柄、アドレスのみで識別された送信者の正体は示しません"
    "。",
};

static const char *const findings_ja[AK_FINDING_CODES] = {
    [AK_FINDING_ALTERED] = "署名された内容、または自身のダイジェストと異なるバイトがあります。",
    [AK_FINDING_FORKED] = "この記録簿について、矛盾する二つの正規の署名があります。",
    [AK_FINDING_ROLLED_BACK] = "保管していたチェックポイントより記録簿が短くなっています。",
    [AK_FINDING_MALFORMED] = "符号化・文法・位置に関する形式の規則に反しています。",
    [AK_FINDING_NUMBERING] = "署名された記録の番号付けが形式の規則に反しています。",
    [AK_FINDING_EPOCH] = "期間鍵が、起点名に固定された鍵であると示されていません。",
    [AK_FINDING_UNTRUSTED_KEY] = "与えられた鍵で署名されたチェックポイントがありません。",
    [AK_FINDING_UNSUPPORTED] = "このプログラムが扱えない版または方式です。",
    [AK_FINDING_LIMIT] = "このプログラムの上限を超えています。",
    [AK_FINDING_IO_ERROR] = "ファイルを読み取れませんでした。",
    [AK_FINDING_VIEWER_DIFFERS] = "ページのデータ以外の部分が、この版の表示部と異なります。",
    [AK_FINDING_ERASED_UNAUTHORISED] = "認められた命令によらず消去された記録があります。",
    [AK_FINDING_QUORUM] = "方針が求める証人の署名が足りません。",
    [AK_FINDING_ORDER_NOT_VALID] = "有効でない命令があります。",
    [AK_FINDING_STAMP_NOT_CHECKED] = "タイムスタンプは検査されていません。",
    [AK_FINDING_STAMP_NOT_TRUSTED] = "与えられた証明書で確認できないタイムスタンプがあります。",
    [AK_FINDING_SUCCESSION_FALSE] =
        "後継の記録簿が、前の記録簿について事実と異なることを述べています。",
    [AK_FINDING_SUCCESSION_UNCONFIRMED] =
        "前の記録簿からの承継が、認められた命令で確認されていません。",
    [AK_FINDING_SUCCESSION] = "この記録簿は、前の記録簿を承継したものです。",
    [AK_FINDING_NOT_ERASED] = "命令にかかわらず消去されていない記録があります。",
    [AK_FINDING_MISSING] = "あるべき記録またはファイルがありません。",
    [AK_FINDING_TAIL_UNSIGNED] = "末尾の記録にまだ署名がありません。",
    [AK_FINDING_STALE] = "最新の記録が、求められた時点より古いものです。",
    [AK_FINDING_EMPTY] = "証明された記録が一件もありません。",
    [AK_FINDING_TAIL_IN_FLIGHT] = "検査中も記録が続いていました。",
    [AK_FINDING_FILE_DIFFERS] = "記録は証明されていますが、ファイルの入れ物が元と異なります。",
    [AK_FINDING_NAME_DIFFERS] = "ファイル名がその内容と合いません。",
    [AK_FINDING_UNKNOWN_FILE] = "記録簿に属さないファイルがあります。",
    [AK_FINDING_DUPLICATE_FILE] = "同じ記録を持つファイルが重複しています。",
    [AK_FINDING_NO_MANIFEST] = "封印済みファイルの目録がありません。",
    [AK_FINDING_UNKNOWN_SIGNATURE] = "知られていない鍵の署名行があり、無視しました。",
    [AK_FINDING_UNKNOWN_KIND] = "知られていない種別の記録があります。",
    [AK_FINDING_UNKNOWN_FLAG] = "知られていない互換フラグがあります。",
    [AK_FINDING_CLOCK_STEP] = "収集装置の時計が戻されました。",
    [AK_FINDING_FUTURE] = "受信時刻が、検査した計算機の時計より先です。",
    [AK_FINDING_EPOCH_NOT_CHECKED] = "期間鍵は、チェックポイント単独では検査できません。",
    [AK_FINDING_EXERCISE] = "訓練用の記録簿です。",
    [AK_FINDING_ERASED] = "命令により消去された記録があります。",
    [AK_FINDING_README_DIFFERS] = "証拠束のREADME.txtが、この版の書く文と異なります。",
};

struct ak_words ak_words_verdict(enum ak_verdict verdict)
{
    return verdicts[verdict];
}

static struct ak_words sentence(const struct ak_check_log *log, const struct ak_words *table)
{
    if (log->kind == AK_CHECK_CHECKPOINT && log->verdict == AK_VALID)
        return checkpoint;
    return table[log->verdict];
}

struct ak_words ak_words_sentence(const struct ak_check_log *log)
{
    return sentence(log, above);
}

struct ak_words ak_words_sentence_below(const struct ak_check_log *log)
{
    return sentence(log, below);
}

const char *ak_words_finding_ja(enum ak_finding_code code)
{
    const char *ja = (size_t)code < AK_FINDING_CODES ? findings_ja[code] : NULL;

    return ja == NULL ? "" : ja;
}
