/** How to log in: four ways, and only the fields that the chosen one needs. What is typed here is never stored. */

import type { Login, LoginForm } from "../state/remote/flow";
import { Field } from "./basics";
import { useUniqueId } from "./uid";

const WAYS: readonly { value: Login; label: string }[] = [
  { value: "agent", label: "Agent or default keys" },
  { value: "key_file", label: "Key file" },
  { value: "key", label: "Paste key" },
  { value: "password", label: "Password" },
];

interface Props {
  form: LoginForm;
  onChange: (form: LoginForm) => void;
  /** The server said that the key is encrypted, so its passphrase is asked for in every way. */
  askPassphrase?: boolean;
  /** Put the caret where something is missing. */
  focus?: boolean;
  error?: string | null;
}

export function LoginFields({ form, onChange, askPassphrase = false, focus = false, error }: Props) {
  const group = useUniqueId();
  const set = (change: Partial<LoginForm>) => onChange({ ...form, ...change });
  const withKey = form.login === "key_file" || form.login === "key";
  return (
    <div class="login-box">
      <div class="login-kinds" role="radiogroup" aria-label="Login">
        {WAYS.map((way) => (
          <label key={way.value} class="radio">
            <input type="radio" name={group} value={way.value} checked={form.login === way.value} onChange={() => set({ login: way.value })} />
            {way.label}
          </label>
        ))}
      </div>
      {form.login === "agent" && !askPassphrase && <p class="field-hint">Uses your SSH agent, then the keys in ~/.ssh.</p>}
      {form.login === "key_file" && (
        <Field label="Key file" value={form.keyPath} onInput={(keyPath) => set({ keyPath })} placeholder="~/.ssh/id_ed25519" mono autofocus={focus && !askPassphrase} hint="On the machine that runs this viewer" />
      )}
      {form.login === "key" && (
        <Field label="Private key" value={form.keyText} onInput={(keyText) => set({ keyText })} rows={5} placeholder="-----BEGIN OPENSSH PRIVATE KEY-----" mono autofocus={focus && !askPassphrase} />
      )}
      {form.login === "password" && (
        <Field key="password" label="Password" type="password" value={form.password} onInput={(password) => set({ password })} autofocus={focus} autocomplete="off" error={error} />
      )}
      {(withKey || (askPassphrase && form.login !== "password")) && (
        <Field
          key="passphrase"
          label={askPassphrase ? "Passphrase" : "Passphrase, if the key has one"}
          type="password"
          value={form.passphrase}
          onInput={(passphrase) => set({ passphrase })}
          autofocus={focus && askPassphrase}
          error={askPassphrase ? error : null}
        />
      )}
    </div>
  );
}
