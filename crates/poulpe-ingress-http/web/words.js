// What the page says, in its two languages. Never touches the page; `word` is asked for each text.
"use strict";

const WORDS = {
  en: {
    overview: "Overview", jobs: "Jobs", dead_letters: "Dead letters", schedules: "Schedules", submit: "Submit",
    skip: "Skip to the content", search: "Search", search_id: "Search by id", language: "Language",
    token_wanted: "This poulpe wants a token", token_kept: "It is kept until this tab is closed.", token: "Token",
    token_wrong: "That token was refused.", go_on: "Go on", yes: "Yes", no: "No",
    delayed: "delayed", ready: "ready", running: "running", retrying: "retrying", dead: "dead", done: "done",
    idle: "idle", stuck: "stuck", all_states: "all states",
    lanes: "Lanes", lane: "Lane", state: "State", job: "Job", attempt: "Attempt", since: "Since", waiting: "Waiting",
    queue: "Jobs that wait or run", throughput: "Ended a second", lateness: "Late, in milliseconds",
    none_started: "nothing started", succeeded: "succeeded", buried: "given up", cancelled: "cancelled",
    daemons: "Daemons", daemon: "Daemon", address: "Address", version: "Version", workers: "Workers", started: "Started", heartbeat: "Last heartbeat",
    here: "this one", gone: "gone", store: "Store", uptime: "Up for", not_ready: "Not ready", warning: "Warning",
    id: "Id", method: "Method", name: "Name", due: "Due", attempts: "Attempts", last_error: "Last error", more: "More", none: "There are none.",
    accepted: "Accepted", params: "Params", headers: "Headers", cc: "Lanes", priority: "Priority", timeout: "Time limit",
    retry_rule: "Retries", door: "Door", claims: "Claims", losses: "Losses", result: "Result", status: "Status", reason: "Reason",
    output: "Output", story: "Story", finished: "Finished", cancel: "Cancel", cancel_sure: "Cancel this job?",
    revive: "Revive", purge: "Purge", select_all: "Select all", select: "Select", selected: "selected",
    revive_sure: "Put these dead letters back, due at once: {n}?", purge_sure: "Remove these dead letters for good: {n}?",
    acted: "Done: {done} of {n}.", no_job: "No job has this id; it never had, or it ended long ago.",
    schedule: "Schedule", words_of: "In words", zone: "Zone", next: "Next", last: "Last", run_now: "Run now", pause: "Pause", resume: "Resume",
    paused: "paused", trouble: "Trouble", missed: "missed", skipped: "skipped", files: "Cron files", problems: "Problems",
    run_sure: "Run this schedule now?", at_once: "at once", delay: "Delay in seconds", wait: "Wait for the result, seconds",
    params_help: "GET: query string. POST: the body. EXEC: arguments. MAIL_TO: a JSON object.", id_help: "empty: generated", cc_help: "numbers; empty: any",
    send: "Submit and wait", sending: "Waiting for the result…", answer: "Answer", unreachable: "poulpe can't be reached: {reason}", refused: "Refused: {reason}",
    seconds: "{n} s", of_kinds: "Runs", page_of: "Updated every two seconds", interrupted: "being cancelled",
  },
  zh: {
    overview: "概览", jobs: "任务", dead_letters: "死信", schedules: "定时计划", submit: "提交任务",
    skip: "跳到正文", search: "搜索", search_id: "按编号搜索", language: "语言",
    token_wanted: "此 poulpe 需要令牌", token_kept: "令牌仅保留到本标签页关闭。", token: "令牌",
    token_wrong: "令牌被拒绝。", go_on: "继续", yes: "是", no: "否",
    delayed: "已延迟", ready: "待执行", running: "执行中", retrying: "待重试", dead: "死信", done: "已结束",
    idle: "空闲", stuck: "卡住", all_states: "全部状态",
    lanes: "通道", lane: "通道", state: "状态", job: "任务", attempt: "第几次", since: "开始于", waiting: "等待数",
    queue: "等待或执行中的任务", throughput: "每秒结束数", lateness: "启动延迟（毫秒）",
    none_started: "没有任务启动", succeeded: "成功", buried: "放弃", cancelled: "已取消",
    daemons: "守护进程", daemon: "守护进程", address: "地址", version: "版本", workers: "工作线程", started: "启动于", heartbeat: "最近心跳",
    here: "当前", gone: "已离线", store: "存储", uptime: "已运行", not_ready: "未就绪", warning: "警告",
    id: "编号", method: "方法", name: "名称", due: "到期时间", attempts: "尝试次数", last_error: "最近错误", more: "更多", none: "没有记录。",
    accepted: "接受于", params: "参数", headers: "请求头", cc: "通道", priority: "优先级", timeout: "时限",
    retry_rule: "重试", door: "入口", claims: "领取次数", losses: "丢失次数", result: "结果", status: "状态码", reason: "原因",
    output: "输出", story: "经过", finished: "结束于", cancel: "取消", cancel_sure: "取消此任务？",
    revive: "重新执行", purge: "彻底删除", select_all: "全选", select: "选择", selected: "已选",
    revive_sure: "把 {n} 条死信放回队列并立即执行？", purge_sure: "彻底删除 {n} 条死信？",
    acted: "完成：{done} / {n}。", no_job: "没有此编号的任务：从未存在，或早已结束。",
    schedule: "计划", words_of: "含义", zone: "时区", next: "下次", last: "上次", run_now: "立即执行", pause: "暂停", resume: "恢复",
    paused: "已暂停", trouble: "问题", missed: "错过", skipped: "跳过", files: "计划文件", problems: "问题",
    run_sure: "立即执行此计划？", at_once: "立即", delay: "延迟（秒）", wait: "等待结果（秒）",
    params_help: "GET：查询串。POST：正文。EXEC：参数。MAIL_TO：JSON 对象。", id_help: "留空则自动生成", cc_help: "数字；留空为任意",
    send: "提交并等待", sending: "正在等待结果…", answer: "回答", unreachable: "无法连接 poulpe：{reason}", refused: "被拒绝：{reason}",
    seconds: "{n} 秒", of_kinds: "可执行", page_of: "每两秒更新", interrupted: "正在取消",
  },
};

const LANGUAGES = Object.keys(WORDS);
let language = chosenLanguage();

/** The reader's own choice, else the browser's, else English. */
function chosenLanguage() {
  let kept = null;
  try { kept = localStorage.getItem("poulpe-language"); } catch { /* a browser may forbid it */ }
  const wanted = [kept, ...(navigator.languages || [navigator.language])].filter(Boolean);
  const found = wanted.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => LANGUAGES.includes(tag));
  return found || "en";
}

/** Text by its key, with `{places}` filled in. */
function word(key, values = {}) {
  const text = WORDS[language][key] ?? WORDS.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** The words that stand in the page itself. */
function translatePage() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-placeholder]")) element.placeholder = word(element.dataset.placeholder);
}
