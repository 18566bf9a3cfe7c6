/** Walk through the folders of a server and pick one. */

import { useEffect, useRef, useState } from "preact/hooks";
import { listRemote } from "../api/remote";
import { asApiError, isAbort, type ApiError } from "../api/error";
import type { RemoteListing } from "../api/remote-types";
import { formatBytes, formatCount } from "../pure/format";
import { Ago, Bone, Delayed, ErrorState } from "./basics";
import { Icon } from "./icons";
import { Dialog } from "./overlay";
import { useVirtual } from "./virtual";

const ROW = 28;
/** A folder with this file is a storage root. */
const ROOT_MARK = "runicorn.json";

interface Props {
  connectionId: string;
  /** The node of a Slurm job, and the job, whose folders these are; those of the server itself where there is none. */
  node?: { node: string; job: string };
  start: string;
  onPick: (path: string) => void;
  onClose: () => void;
}

export const parentOf = (path: string): string => path.replace(/\/+$/, "").replace(/\/[^/]*$/, "") || "/";
export const joinPath = (folder: string, name: string): string => `${folder.replace(/\/+$/, "")}/${name}`;

export function BrowseDialog({ connectionId, node, start, onPick, onClose }: Props) {
  const [listing, setListing] = useState<RemoteListing | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const [at, setAt] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const request = useRef<AbortController | null>(null);
  const wanted = useRef(start || "~");
  const typed = useRef({ text: "", when: 0 });

  const open = async (path: string, select?: string, fallback?: string) => {
    request.current?.abort();
    const mine = new AbortController();
    request.current = mine;
    wanted.current = path;
    setBusy(true);
    try {
      const next = await listRemote(connectionId, path, node ?? null, mine.signal);
      setListing(next);
      setError(null);
      setAt(Math.max(0, select ? next.items.findIndex((item) => item.name === select) : 0));
      if (scroller.current) scroller.current.scrollTop = 0;
    } catch (thrown) {
      if (isAbort(thrown) || request.current !== mine) return;
      const known = asApiError(thrown);
      // The suggested folder may not exist yet: begin at home then.
      if (fallback && known.code === "REMOTE_PATH_NOT_FOUND") return open(fallback);
      setError(known);
    } finally {
      if (request.current === mine) setBusy(false);
    }
  };
  useEffect(() => {
    void open(start || "~", undefined, "~");
    return () => request.current?.abort();
  }, []);

  const items = listing?.items ?? [];
  const { first, last } = useVirtual(scroller, items.length, ROW);
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    if (at * ROW < box.scrollTop) box.scrollTop = at * ROW;
    else if ((at + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * ROW - box.clientHeight;
  }, [at, listing]);
  useEffect(() => {
    scroller.current?.focus({ preventScroll: true });
  }, [listing?.path]);

  const path = listing?.path ?? "";
  const parts = path.split("/").filter(Boolean);
  const up = () => path && path !== "/" && void open(parentOf(path), parts[parts.length - 1]);
  const enter = (index: number) => {
    const item = items[index];
    if (item?.is_dir) void open(joinPath(path, item.name));
  };
  const isRoot = items.some((item) => item.name === ROOT_MARK && !item.is_dir);

  const onKey = (event: KeyboardEvent) => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 280) / ROW) - 1);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1, PageDown: at + page, PageUp: at - page };
    const to = moves[event.key];
    if (to !== undefined) setAt(Math.max(0, Math.min(items.length - 1, to)));
    else if (event.key === "Enter" || event.key === "ArrowRight") enter(at);
    else if (event.key === "Backspace" || event.key === "ArrowLeft") up();
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ") {
      const now = Date.now();
      typed.current = { text: now - typed.current.when < 800 ? typed.current.text + event.key.toLowerCase() : event.key.toLowerCase(), when: now };
      const hit = items.findIndex((item) => item.name.toLowerCase().startsWith(typed.current.text));
      if (hit >= 0) setAt(hit);
    } else return;
    event.preventDefault();
  };

  return (
    <Dialog title={node ? `Choose a folder on ${node.node}` : "Choose a folder"} width={640} onClose={onClose}>
      <div class="browse">
        <nav class="crumbs" aria-label="Path">
          <button type="button" class="icon-button" aria-label="Up one folder" title="Up one folder (Backspace)" disabled={!path || path === "/"} onClick={up}>
            <Icon name="arrowUp" size={14} />
          </button>
          <button type="button" title="Home folder" onClick={() => void open("~")}>
            ~
          </button>
          <span class="faint">|</span>
          <button type="button" onClick={() => void open("/")}>
            /
          </button>
          {parts.map((part, index) => (
            <>
              {index > 0 && <span class="faint">/</span>}
              <button type="button" class={index === parts.length - 1 ? "here" : ""} onClick={() => void open(`/${parts.slice(0, index + 1).join("/")}`)}>
                {part}
              </button>
            </>
          ))}
        </nav>
        {error ? (
          <div class="browse-list">
            <ErrorState error={error} onRetry={() => void open(wanted.current)} />
            {listing && (
              <p class="quiet-note">
                <button type="button" class="link-button" onClick={() => setError(null)}>
                  Back to {listing.path}
                </button>
              </p>
            )}
          </div>
        ) : (
          <div
            ref={scroller}
            class="browse-list"
            role="listbox"
            aria-label={path ? `Contents of ${path}` : "Folder"}
            aria-busy={busy}
            aria-activedescendant={items.length ? `item-${at}` : undefined}
            tabIndex={0}
            data-autofocus
            onKeyDown={onKey}
          >
            {!listing && (
              <Delayed>
                <div class="console-bones">
                  {Array.from({ length: 8 }, (_, index) => (
                    <Bone key={index} width={120 + ((index * 53) % 160)} />
                  ))}
                </div>
              </Delayed>
            )}
            <div style={{ height: `${items.length * ROW}px` }}>
              {items.slice(first, last).map((item, offset) => {
                const index = first + offset;
                return (
                  <div
                    key={item.name}
                    id={`item-${index}`}
                    role="option"
                    aria-selected={index === at}
                    aria-disabled={!item.is_dir}
                    class={`browse-row ${item.is_dir ? "folder" : "file"}`}
                    style={{ top: `${index * ROW}px` }}
                    onClick={(event) => {
                      if (event.detail > 1) return; // of a double click, the second one would open what lies here by then
                      if (item.is_dir) enter(index);
                      else setAt(index);
                    }}
                  >
                    <Icon name={item.is_dir ? "folder" : "file"} size={14} />
                    <span class="ellipsis">{item.name}</span>
                    <span class="num">{item.is_dir ? "" : formatBytes(item.size)}</span>
                    <span class="num">
                      <Ago at={item.mtime === null ? null : item.mtime * 1000} />
                    </span>
                  </div>
                );
              })}
            </div>
            {listing && items.length === 0 && <p class="quiet-note">This folder is empty.</p>}
          </div>
        )}
        <div class="browse-foot">
          <div class="browse-path">
            <span class="mono" title={busy ? wanted.current : path}>
              {busy ? wanted.current : path || wanted.current}
            </span>
            <div class="muted">
              {busy ? <Delayed>Opening…</Delayed> : isRoot ? "Holds Runicorn data" : listing ? `${formatCount(items.length)} ${items.length === 1 ? "entry" : "entries"}${listing.truncated ? ", more not shown" : ""}` : " "}
            </div>
          </div>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="button" class="button primary" disabled={busy || !path || error !== null} onClick={() => onPick(path)}>
            Use this folder
          </button>
        </div>
      </div>
    </Dialog>
  );
}
