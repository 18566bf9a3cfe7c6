/** What a server asks while somebody logs in. Its words stand apart from ours, and are text, whatever they look like. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { asApiError } from "../api/error";
import type { Question } from "../api/questions";
import { sameTarget } from "../pure/target";
import { now } from "../state/clock";
import { dialogIsOpen } from "../state/overlays";
import { cancelFlow, flow } from "../state/remote/flow";
import { decisions, isUnderWay, joinings, shownDecision, type Joining } from "../state/remote/joining";
import { hostLabel, hosts, targetOf } from "../state/remote/hosts";
import { answerQuestion, cancelQuestion, questions, showQuestion, shownQuestion } from "../state/remote/questions";
import { sessions } from "../state/remote/status";
import { giveUpJoining } from "../state/remote/together";
import { isTyping, typesSince } from "../state/typing";
import { toast, toastError } from "../state/toasts";
import { Decision } from "./Decision";
import { Icon } from "./icons";
import { Dialog } from "./overlay";
import { useUniqueId } from "./uid";

/** From here on the time left is urgent. */
const SHORT_SECS = 20;

/**
 * One question at a time, and one decision of the person's own about a host, where several are being connected. None comes
 * over what somebody is typing; another window's or a session's over no dialog either.
 * One that is shown stays, or that a person asked for, until it is answered or put off.
 */
export function Questions() {
  const waiting = questions.value;
  const shown = shownQuestion.value;
  const question = waiting.find((one) => one.id === shown) ?? waiting.find(isMine) ?? waiting[0];
  const [put, setPut] = useState<ReadonlySet<string>>(new Set());
  const decision = decisions.value.find((one) => one.attempt === shownDecision.value) ?? decisions.value[0];
  const decides = decision !== undefined && decision.attempt === shownDecision.value;
  useLayoutEffect(() => {
    if (waiting.some((one) => one.id === shown) || decides) return;
    if (decision && mayBeDecided(decision)) shownDecision.value = decision.attempt;
    else if (question && !put.has(question.id) && mayCome(question)) showQuestion(question.id);
  }, [question?.id, shown, decision, decides]);
  if (question && question.id === shown)
    return (
      <QuestionDialog
        key={question.id}
        question={question}
        more={waiting.length - 1 + decisions.value.length}
        onPut={() => {
          setPut(new Set([...put, question.id]));
          shownQuestion.value = null;
        }}
      />
    );
  if (decision && decides) return <Decision key={`${decision.attempt} ${decision.phase}`} joining={decision} />;
  if (decision) return <Bar who={decision.target.host} what="needs your decision to go on" onAnswer={() => (shownDecision.value = decision.attempt)} />;
  if (!question) return null;
  return (
    <Bar who={question.hop} what="asks you something to log in" onAnswer={() => showQuestion(question.id)}>
      <TimeLeft question={question} />
    </Bar>
  );
}

interface BarProps {
  who: string;
  what: string;
  onAnswer: () => void;
  children?: ComponentChildren;
}

function Bar({ who, what, onAnswer, children }: BarProps) {
  return (
    <div class="question-bar" role="region" aria-label="A server’s question">
      <Icon name="help" size={14} />
      <span role="status">
        <strong>{who}</strong> {what}
      </span>
      {children}
      <button type="button" class="button small primary" onClick={onAnswer}>
        Answer
      </button>
    </div>
  );
}

/** Since when (ms since 1970) this window's own attempt is under way that asks it; null for another one's. */
const mineSince = (question: Question): number | null => {
  const now = flow.value;
  if (now && (now.phase === "connecting" || now.phase === "starting") && sameTarget(question.connection_id, now.target)) return now.startedAt;
  return joiningThatAsks(question)?.startedAt ?? null;
};

const joiningThatAsks = (question: Question): Joining | undefined =>
  [...joinings.value.values()].find((one) => isUnderWay(one) && sameTarget(question.connection_id, one.target));

const isMine = (question: Question): boolean => mineSince(question) !== null;

/** What the person has called the host, where that is not its own name: several may ask one after the other. */
function nameOf(question: Question): string {
  const one = hosts.value.find((each) => sameTarget(question.connection_id, targetOf(each)));
  return one && hostLabel(one) !== one.host ? hostLabel(one) : "";
}

/** Own questions are expected; but who went on typing meanwhile would type the rest of it, and Enter, into the answer. */
const mayCome = (question: Question): boolean => {
  const since = mineSince(question);
  return since === null ? !dialogIsOpen() && !isTyping(document.activeElement) : !typesSince(since);
};

const mayBeDecided = ({ startedAt }: Joining): boolean => !isTyping(document.activeElement) || (!dialogIsOpen() && !typesSince(startedAt));

function QuestionDialog({ question, more, onPut }: { question: Question; more: number; onPut: () => void }) {
  const [answers, setAnswers] = useState<readonly string[]>(question.prompts.map(() => ""));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const mine = isMine(question);
  const called = nameOf(question);
  const set = (at: number, value: string) => setAnswers(answers.map((one, index) => (index === at ? value : one)));
  const answer = async () => {
    // Enter goes on to what is still empty: an answer that is sent too soon uses up a try.
    const inputs = [...(form.current?.querySelectorAll<HTMLInputElement>("input") ?? [])];
    const next = inputs.slice(inputs.indexOf(document.activeElement as HTMLInputElement) + 1).find((one) => !one.value);
    if (next && inputs.includes(document.activeElement as HTMLInputElement)) return next.focus();
    setBusy(true);
    setError(null);
    try {
      await answerQuestion(question.id, answers);
    } catch (thrown) {
      const known = asApiError(thrown);
      setError([known.detail, known.hint].filter(Boolean).join(" "));
      setBusy(false);
    }
  };
  const cancel = () => {
    const joining = joiningThatAsks(question);
    if (joining) giveUpJoining(joining);
    else if (mine) cancelFlow();
    else cancelQuestion(question.id).then(() => toast(`Gave up logging in to ${question.hop}.`), toastError);
  };
  return (
    <Dialog title={`${question.hop} asks`} width={460} onClose={mine ? cancel : onPut}>
      <form
        ref={form}
        class="dialog-body"
        autocomplete="off"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void answer();
        }}
      >
        <p class="question-who">
          <span>
            To log in {called ? <>to <strong>{called}</strong> </> : null}as <span class="mono">{question.connection_id}</span>
          </span>
          <TimeLeft question={question} />
        </p>
        <div class="server-says" role="group" aria-label={`What ${question.hop} says`}>
          <p class="server-says-head">{isOurs(question) ? "The server takes a password" : "The server’s words"}</p>
          {question.name && <p class="server-says-name">{question.name}</p>}
          {question.instructions && <p class="server-says-text" tabIndex={0}>{question.instructions}</p>}
          {question.prompts.map((prompt, at) => (
            <PromptField key={at} text={prompt.text} echo={prompt.echo} first={at === 0} value={answers[at]!} onInput={(value) => set(at, value)} />
          ))}
        </div>
        <p class="field-hint">{whatFollows(question, mine)}</p>
        {more > 0 && <p class="field-hint">{more === 1 ? "One more question waits." : `${more} more questions wait.`}</p>}
        {error && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={cancel}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={busy}>
            Answer
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface PromptProps {
  text: string;
  echo: boolean;
  first: boolean;
  value: string;
  onInput: (value: string) => void;
}

function PromptField({ text, echo, first, value, onInput }: PromptProps) {
  const id = useUniqueId();
  const shared = {
    id,
    class: "input",
    value,
    autocomplete: isCode(text) ? "one-time-code" : "off",
    autocapitalize: "off" as const,
    spellcheck: false,
    onInput: (event: { currentTarget: HTMLInputElement }) => onInput(event.currentTarget.value),
    ...(first ? { "data-autofocus": true } : {}),
  };
  return (
    <div class="field">
      <label for={id} class="mono">
        {text || "(no words)"}
      </label>
      {echo ? <input type="text" {...shared} /> : <input type="password" {...shared} />}
    </div>
  );
}

/** Whether a prompt asks for something that is good once. */
const isCode = (text: string): boolean => /code|otp|token|\bpin\b|one-?time/i.test(text);

/** Whether the viewer asks by itself for a password that the server only takes, without a word. */
const isOurs = ({ name, instructions, prompts, connection_id }: Question): boolean =>
  !name && !instructions && prompts.length === 1 && prompts[0]!.text === `Password for ${connection_id.slice(0, connection_id.lastIndexOf(":"))}:`;

function whatFollows(question: Question, mine: boolean): string {
  const kept = "What you type goes to this server only. A password is kept in memory while the connection lives, anything else not at all.";
  const session = sessions.value.some((one) => one.connectionId === question.connection_id && one.status === "reconnecting");
  const goal = joiningThatAsks(question) ? "its runs come among these" : "the way to the page goes on";
  const next = mine ? `The server may ask for more; then ${goal}.` : session ? "Then the session comes back on its address." : "Another window waits for this; closing leaves it open.";
  return `${kept} ${next}`;
}

function TimeLeft({ question }: { question: Question }) {
  const left = Math.max(0, Math.round((Date.parse(question.expires_at) - now.value) / 1000));
  return (
    <span class={`num time-left${left <= SHORT_SECS ? " short" : ""}`} role="timer">
      {Math.floor(left / 60)}:{String(left % 60).padStart(2, "0")} left
    </span>
  );
}
