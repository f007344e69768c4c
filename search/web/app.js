// app.js - the auditors' page. Everything that comes from a mail goes in as text, never as markup.
"use strict";

const words = {
  ja: {
    other: "English", query: "検索式", query_hint: "例: 会議 差出人:田中 -延期", search: "検索",
    since: "受信日", until: "〜", user: "関係者", user_hint: "アドレス・ドメイン・名前", reason: "閲覧理由",
    reason_hint: "台帳に記録されます", help: "検索式の書き方", more: "さらに表示", raw: "原本をダウンロード (.eml)",
    close: "閉じる", provenance: "送った人・受け取った人（全ての写しから）", envelope: "封筒（配送の記録）",
    capture: "写し", version: "別の版", sent_by: "送信", copies: n => `写し ${n}`, no_provenance: "未索引のため、他の写しはまだ分かりません。",
    standing: {open: "公開", stated: "BCC（明示）", derived: "BCC（封筒のみ）", claimed: "BCC（未確認の主張）", none: "アーカイブ自身"},
    kind: {plain: "", stated: "ジャーナル", claimed: "ジャーナル（信頼されない送信元）"},
    by_entry: n => `${n} 番`, expanded: l => `${l} から展開`, forwarded: l => `${l} から転送`, same_text: s => s ? "本文は同じ" : "本文も異なる",
    delivery: "配信（ログ）", notice_of: n => `通知 ${n} 番の主張`, notice: "通知の主張", notice_about: a => a.length ? `対象: ${a.join("、")} 番` : "対象のメールはここにありません", notices_more: n => `ほかに通知 ${n} 通`, entry: "台帳の行", attachment: "添付", partial: "一部のみ検索可",
    no_subject: "（件名なし）", date: "日付", received: "受信", from: "差出人", to: "宛先", cc: "CC", files: "添付",
    size: "大きさ", bytes: "バイト", seq: "番号",
    footer: "検索と閲覧は、結果を示す前に台帳へ記録されます。",
    hits: n => `${n} 件`, documents: n => `${n} 通を検索`, understood: "解釈: ", also: x => `「${x}」は次の表記も検索: `,
    cut: "* を含む語が広がりすぎたため、途中まで検索しました。* の前の文字を増やしてください",
    partial_note: (p, h) => `うち ${p} 通は一部のみ検索可（この結果に ${h} 通、unsearchable:any で一覧）`,
    missed: n => `一部のみ検索可のうち ${n} 通は、結果にありませんが該当するかもしれません`,
    related_cut: "thread: や similar: に当たるメールが多すぎるため、途中まで検索しました",
    unread: n => `未索引の ${n} 通は検索されていません`, covered: (m, h) => `索引 ${m} / 台帳 ${h}`,
    act: n => `この閲覧は台帳の ${n} 番に記録されました。`, searched: n => `記録 ${n} 番`,
    only_partly: r => `このメールは一部のみ検索できます: ${r}`, no_text: r => `本文を表示できません: ${r}`,
    at: n => `検索式の ${n} 文字目: `, away: "サーバーに接続できません。",
    help_rows: [
      ["会議 予算", "両方の語を含む（空白は AND）"], ['"次回の会議"', "この並びのまま"],
      ["会議 OR 打合せ", "どちらかを含む"], ["会議 -延期", "延期を含まない"],
      ["件名:見積 差出人:田中 宛先:@example.jp", "項目を指定（本文: 添付: 関係者: も可）"],
      ["日付:2026-04..2026-06 受信日>=2026-04-01", "日付の範囲"],
      ["bcc:yamada@example.jp 経由:all@example.jp", "BCC で受け取った人（封筒だけにある人も）、配布先リスト"],
      ["has:attachment larger:5M", "添付あり、5 MiB を超える"], ["budget*  pro*ect", "この文字で始まる語、この形の語"],
      ["exact:髙橋", "この字体だけ（異体字を含めない）"], ["会議 NEAR(5) 延期", "5 文字以内に現れる"],
      ["日付:令和6年度  受信日:先月", "和暦、年度、相対的な日付"], ["url:@example.com 方向:社内", "リンク先、送受信の方向"]],
  },
  en: {
    other: "日本語", query: "Query", query_hint: "e.g. budget from:tanaka -draft", search: "Search",
    since: "Received", until: "to", user: "Person", user_hint: "address, domain or name", reason: "Reason",
    reason_hint: "goes into the ledger", help: "How to write a query", more: "Show more", raw: "Download original (.eml)",
    close: "Close", provenance: "Who sent it, who had it (by all captures)", envelope: "Envelope (how it came)",
    capture: "Capture", version: "Version", sent_by: "Sent by", copies: n => `${n} captures`, no_provenance: "Not indexed yet: other captures are not known.",
    standing: {open: "Open", stated: "Bcc, stated", derived: "Bcc, derived", claimed: "Bcc, claimed", none: "The archive's own"},
    kind: {plain: "", stated: "journal report", claimed: "journal report of a source that does not count"},
    by_entry: n => `entry ${n}`, expanded: l => `expanded from ${l}`, forwarded: l => `forwarded from ${l}`, same_text: s => s ? "same text" : "another text",
    delivery: "Delivery, by a log", notice_of: n => `Claimed by notice ${n}`, notice: "A notice; it claims", notice_about: a => a.length ? `about: entry ${a.join(", ")}` : "what it is about is not here", notices_more: n => `${n} more notices`, entry: "Ledger line", attachment: "attachment", partial: "partly searchable",
    no_subject: "(no subject)", date: "Date", received: "Received", from: "From", to: "To", cc: "Cc", files: "Files",
    size: "Size", bytes: "bytes", seq: "Number",
    footer: "Every search and every look is written to the ledger before its result is shown.",
    hits: n => n === "1" ? "1 hit" : `${n} hits`, documents: n => `${n} messages searched`, understood: "read as: ", also: x => `for ${x} also: `,
    cut: "A word with a * stands for more words than were looked for: write more letters beside it",
    partial_note: (p, h) => `${p} of them only partly searchable (${h} of the hits; unsearchable:any lists them)`,
    missed: n => `${n} of the partly searchable ones are no hits, but may have been missed`,
    related_cut: "thread: or similar: stands for more messages than were looked for",
    unread: n => `${n} messages not yet indexed were not searched`, covered: (m, h) => `index ${m} of ledger ${h}`,
    act: n => `This look is entry ${n} of the ledger.`, searched: n => `entry ${n}`,
    only_partly: r => `This message is only partly searchable: ${r}`, no_text: r => `The text cannot be shown: ${r}`,
    at: n => `Query, character ${n}: `, away: "The server cannot be reached.",
    help_rows: [
      ["budget meeting", "both words (a space is AND)"], ['"next meeting"', "in this order, side by side"],
      ["meeting OR 会議", "one or the other"], ["budget -draft", "without draft"],
      ["subject:offer from:tanaka to:@example.jp", "in a field (also cc: body: filename: participants: msgid:)"],
      ["date:2026-04..2026-06 received>=2026-04-01", "dates"],
      ["bcc:ann@b.example via:all@b.example", "blind copies, also of the envelope alone; lists"],
      ["has:attachment larger:5M", "with an attachment, over 5 MiB"], ["budget*  pro*ect", "words that begin so, words of a pattern"],
      ["exact:髙橋", "this spelling, no variants"], ["offer NEAR(5) withdrawn", "at most five words between"],
      ['received:"last month"', "dates from today"], ["url:@example.com direction:out", "where links lead, which way it went"]],
  },
};

const $ = id => document.getElementById(id);
const fields = ["q", "since", "until", "user", "reason"];
let t = words.ja;
let asked = {};      // the question whose hits are shown
let covered = null;  // its coverage
let cursor = null;   // where its next page begins
let shown = null;    // the message that is open
let zone = "+09:00";
let turn = 0;        // an answer that another question has overtaken is dropped

// element("b", {class: "x"}, "text", child...)
function element(name, attributes, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  e.append(...children);
  return e;
}
const state = s => { document.documentElement.dataset.state = s; };
const number = n => n.toLocaleString("en-US");

// In the archive's zone, not the browser's.
function when(utc) {
  if (!utc) return "";
  const [, sign, h, m] = /([+-])(\d\d):(\d\d)/.exec(zone);
  const date = new Date(Date.parse(utc) + (sign === "-" ? -1 : 1) * (60 * h + Number(m)) * 60000);
  return isNaN(date) ? utc : date.toISOString().slice(0, 16).replace("T", " ");
}

// "Name <address>" in two parts: a name may lie, so the address stands beside it.
function who(text) {
  const parts = /^\s*"?([^"<]*?)"?\s*<([^<>]*)>\s*$/.exec(text || "");
  return parts && parts[1] ? [parts[1], element("small", {}, parts[2])] : [text || ""];
}

// ---- language

function speak(language) {
  t = words[language];
  document.documentElement.lang = language;
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t[e.dataset.t];
  for (const e of document.querySelectorAll("[data-p]")) e.placeholder = t[e.dataset.p];
  $("language").textContent = t.other;
  $("language").lang = language === "ja" ? "en" : "ja";
  $("help").replaceChildren(...pairs(t.help_rows));
  if (covered) showCoverage();
  if (shown) showMessage();
}

$("language").addEventListener("click", () => {
  const language = t === words.ja ? "en" : "ja";
  try { localStorage.setItem("language", language); } catch { /* then it is asked anew next time */ }
  speak(language);
});

// ---- asking

async function get(path) {
  let response;
  try {
    response = await fetch(path, {headers: {Accept: "application/json"}});
  } catch {
    throw {detail: t.away};
  }
  const body = await response.json().catch(() => ({detail: response.statusText}));
  if (!response.ok) throw body;
  return body;
}

// A query that is wrong is shown with a mark at its place.
function complain(problem) {
  const at = problem.position && problem.position.character;
  const parts = [at ? t.at(at) + problem.expected : problem.detail || String(problem)];
  if (at) {
    const text = [...asked.q];
    parts.push(element("pre", {}, text.slice(0, at - 1).join(""),
      element("mark", {}, text[at - 1] || "\u2581"), text.slice(at).join("")));
    if (problem.hint) parts.push(element("small", {}, problem.hint));
  }
  $("problem").replaceChildren(...parts);
  $("problem").hidden = false;
  state("error");
}

// Runs one question; what comes of it is shown unless another was asked meanwhile.
async function ask(path, answer) {
  const mine = ++turn;
  $("problem").hidden = true;
  state("busy");
  try {
    const body = await get(path);
    if (mine !== turn) return;
    answer(body);
    state("done");
  } catch (problem) {
    if (mine === turn) complain(problem);
  }
}

// ---- hits

// What narrows the search beside its query.
const narrowed = c => [[t.user, c.user], [t.since, c.since && when(c.since)], [t.until, c.until && when(c.until)]]
  .filter(([, value]) => value).flatMap(([label, value]) => [`; ${label} `, element("code", {}, value)]);

function showCoverage() {
  const c = covered;
  const parts = [element("b", {}, t.hits(number(c.total))),
    element("span", {}, t.understood, element("code", {}, c.query), ...narrowed(c)),
    ...c.expansion.map(x => element("span", {}, t.also(x.text), element("code", {}, x.also.join(", ") + (x.more ? ", ..." : "")))),
    ...(c.remark ? [element("span", {class: "warning"}, c.remark)] : []),
    element("span", {}, t.documents(number(c.documents)))];
  if (c.expansion_cut) parts.push(element("span", {class: "warning"}, t.cut));
  if (c.partial) parts.push(element("span", {}, t.partial_note(number(c.partial), number(c.partial_hits))));
  if (c.partial_scope) parts.push(element("span", {class: "warning"}, t.missed(number(c.partial_scope))));
  if (c.cut) parts.push(element("span", {class: "warning"}, t.related_cut));
  if (c.unread) parts.push(element("span", {class: "warning"}, t.unread(number(c.unread))));
  parts.push(element("span", {}, t.covered(c.index_mark, c.ledger_entries)), element("span", {}, t.searched(c.act)));
  $("coverage").replaceChildren(...parts);
  $("coverage").hidden = false;
}

function row(hit) {
  const marks = element("span", {class: "marks"});
  if (hit.files.length) marks.append(element("span", {title: hit.files.join("\n")}, t.attachment));
  if (hit.captures > 1) marks.append(element("span", {title: hit.capture_seqs.join(", ")}, t.copies(hit.captures)));
  const blind = [...hit.bcc.stated, ...hit.bcc.derived, ...hit.bcc.claimed];
  if (blind.length) marks.append(element("span", {title: blind.join("\n")}, "Bcc"));
  if (hit.partial.length) marks.append(element("span", {class: "warning", title: hit.unsearchable.map(u => `${u.file}: ${u.reason}`).join("\n") || hit.partial.join("\n")}, t.partial));
  const button = element("button", {type: "button", "data-seq": hit.seq},
    element("time", {datetime: hit.received}, when(hit.received)),
    element("span", {class: "who", title: hit.from || ""}, ...who(hit.from)),
    element("span", {class: "what"}, hit.subject || t.no_subject), marks,
    element("span", {class: "snippet"}, ...hit.snippet.map(s => element(s.hit ? "mark" : "span", {}, s.text))));
  button.addEventListener("click", () => open(hit.seq));
  return element("li", {}, button);
}

function search(more) {
  const params = new URLSearchParams();
  for (const f of fields) if (asked[f]) params.set(f, asked[f]);
  if (more) params.set("cursor", cursor);
  return ask("/api/v1/search?" + params, found => {
    covered = found.coverage;
    zone = covered.zone;
    cursor = found.next;
    if (!more) $("hits").replaceChildren();
    $("hits").append(...found.hits.map(row));
    $("list").hidden = false;
    $("more").hidden = cursor === null;
    showCoverage();
  });
}
$("more").addEventListener("click", () => search(true));

// ---- one message

const pairs = list => list.filter(([, value]) => value)
  .flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]);
// The text begins with the header lines that already stand above it.
const body = text => text.slice(text.indexOf("\n\n") + 2).replace(/^\n+/, "");
const reason = () => asked.reason ? "?" + new URLSearchParams({reason: asked.reason}) : "";

function open(seq) {
  return ask(`/api/v1/messages/${seq}${reason()}`, message => {
    shown = message;
    showMessage();
    document.body.classList.add("reading");
    $("message").hidden = false;
    $("message").scrollTop = 0;
    $("message").focus({preventScroll: innerWidth >= 1000});
    mark(document.querySelector(`#hits [data-seq="${message.seq}"]`));
  });
}

// Where one fact is known from: "journal Bcc, expanded from all@x, entry 12".
const fact = f => [f.from, "expanded" in f ? t.expanded(f.expanded) : "", "forwarded" in f ? t.forwarded(f.forwarded) : "",
  f.capture === null ? "" : t.by_entry(f.capture)].filter(part => part).join(", ");
const person = p => `${p.address || "<>"}\n${p.known_from.map(f => "    " + fact(f)).join("\n")}`;

// What a bounce or a receipt says, a recipient a line: only the word of its sender.
const said = n => n.says.map(s => [s.status, s.code, s.to, s.words].filter(x => x).join(" ")).join("\n");

function provenance(p) {
  if (!p) return [["", t.no_provenance]];
  return [...p.senders.map(s => [t.sent_by, person(s)]), ...p.recipients.map(r => [t.standing[r.standing], person(r)]),
    ...p.captures.map(c => [t.capture, [t.by_entry(c.seq), when(c.received), c.via, t.kind[c.kind]].filter(x => x).join(", ")]),
    ...p.versions.map(v => [t.version, `${t.by_entry(v.seq)}, ${t.same_text(v.same_text)}`]),
    ...p.deliveries.map(d => [t.delivery, [d.status, d.dsn, d.to, when(d.time), d.relay, t.by_entry(d.entry)].filter(x => x).join(" ")]),
    ...(p.notice ? [[t.notice, `${t.notice_about(p.notice.about_seqs)}\n${said(p.notice)}`]] : []),
    ...p.notices.map(n => [t.notice_of(n.seq), said(n)]),
    ...(p.notices_more ? [["", t.notices_more(p.notices_more)]] : [])];
}

function showMessage() {
  const m = shown, h = m.headers || {files: [], partial: []};
  const received = m.envelope.find(f => f.name === "received");
  $("subject").textContent = h.subject || t.no_subject;
  $("headers").replaceChildren(...pairs([[t.from, h.from], [t.to, h.to], [t.cc, h.cc], [t.date, when(h.date)],
    [t.received, when(received && received.value)], [t.files, h.files.join("\n")],
    [t.size, `${number(m.bytes)} ${t.bytes}`], [t.seq, String(m.seq)]]));
  $("partial").hidden = !h.partial.length;
  $("partial").textContent = t.only_partly(h.partial.join(", "));
  $("text").textContent = m.text === null ? t.no_text(m.text_problem) : body(m.text);
  $("provenance").replaceChildren(...pairs(provenance(m.provenance)));
  $("envelope").replaceChildren(...pairs(m.envelope.map(f => [f.name, f.value])));
  $("entry").textContent = m.entry.line;
  $("act").textContent = t.act(m.act);
  $("raw").href = `/api/v1/messages/${m.seq}/raw${reason()}`;
}

function mark(button) {
  for (const b of document.querySelectorAll("#hits [aria-current]")) b.removeAttribute("aria-current");
  if (button) button.setAttribute("aria-current", "true");
}

function close() {
  const current = document.querySelector("#hits [aria-current]");
  document.body.classList.remove("reading");
  $("message").hidden = true;
  shown = null;
  mark(null);
  if (current) current.focus();
}
$("close").addEventListener("click", close);

// ---- keys: / to the query, up and down (or k and j) through the hits, Escape closes a message

addEventListener("keydown", e => {
  const typing = e.target.matches("input");
  if (e.isComposing || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.key === "/" && !typing) {
    e.preventDefault();
    $("q").select();
  }
  if (e.key === "Escape" && shown) close();
  const step = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1}[e.key];
  const list = [...document.querySelectorAll("#hits button")];
  if (!step || !list.length || (typing && (e.target !== $("q") || e.key !== "ArrowDown"))) return;
  if ($("message").contains(e.target) && e.key.startsWith("Arrow")) return; // scrolls
  const at = list.findIndex(b => b === document.activeElement || (shown && b.hasAttribute("aria-current")));
  const next = list[at < 0 ? 0 : Math.min(Math.max(at + step, 0), list.length - 1)];
  e.preventDefault();
  next.focus();
  if (shown) next.click();
});

// ---- the question stands in the address, so that it can be kept and gone back to

function fromAddress() {
  const params = new URLSearchParams(location.search);
  close();
  for (const f of fields) asked[f] = $(f).value = params.get(f) || "";
  if (fields.some(f => params.has(f)))
    search(false).then(() => { if (/^\d+$/.test(params.get("open"))) open(params.get("open")); });
}

$("search").addEventListener("submit", e => {
  e.preventDefault();
  const params = new URLSearchParams({q: $("q").value});
  for (const f of fields) if ($(f).value) params.set(f, $(f).value);
  history.pushState(null, "", "/?" + params);
  fromAddress();
});
addEventListener("popstate", fromAddress);

let language = new URLSearchParams(location.search).get("lang");
try { language = language || localStorage.getItem("language"); } catch { /* not kept */ }
speak(words[language] ? language : (navigator.language || "ja").startsWith("ja") ? "ja" : "en");
fromAddress();
