/** All artifacts of this machine and of the hosts that are connected, each with its latest version. */

import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { UnreadSource } from "../api/types";
import { ArtifactTable } from "../components/artifacts/ArtifactTable";
import { Code, Delayed, EmptyState, ErrorState, TableBones } from "../components/basics";
import { FilterField } from "../components/FilterField";
import { ARTIFACT_SORTS, chooseArtifacts, unreadTexts, type ArtifactSort } from "../pure/artifacts";
import { plural } from "../pure/format";
import { nextSort } from "../pure/query";
import { artifactList } from "../state/artifacts";
import { moveKeys, useKeys } from "../state/keys";
import { artifactHash, go, param, setParams } from "../state/route";
import { severalPlaces } from "../state/sources";

const EXAMPLE = `rn.log_artifact("checkpoints/best.pt", name="resnet", type="model", aliases=["best"])`;
const cursor = signal(-1);

export function ArtifactsPage() {
  const source = useMemo(artifactList, []);
  useEffect(source.open, [source]);
  const filter = param("q");
  const sort = ARTIFACT_SORTS.find((one) => one === param("sort")) ?? "created_at";
  const order = param("order") === "asc" ? "asc" : "desc";
  const { value, error } = source.known.value;
  const all = value?.artifacts;
  const unread = value?.unread ?? [];
  const several = severalPlaces.value || Boolean(all?.some((one) => one.place));
  const rows = useMemo(() => chooseArtifacts(all ?? [], filter, sort, order), [all, filter, sort, order]);
  useEffect(() => {
    cursor.value = -1;
  }, [filter, sort, order]);

  const box = useRef<HTMLInputElement>(null);
  const onSort = (column: ArtifactSort, first: "asc" | "desc") => {
    const next = nextSort({ sort, order }, column, first);
    setParams(next.sort === "created_at" && next.order === "desc" ? { sort: "", order: "" } : next);
  };
  const move = (by: number) => {
    if (rows.length) cursor.value = Math.max(0, Math.min(rows.length - 1, cursor.value + by));
  };
  const open = () => rows[cursor.value] && go(artifactHash(rows[cursor.value]!.id));
  useKeys({
    ...moveKeys(move),
    Enter: open,
    "/": () => {
      box.current?.focus();
      box.current?.select();
    },
    Escape: () => (cursor.value = -1),
  });

  return (
    <main class="artifacts-page">
      <h1 class="visually-hidden">Artifacts</h1>
      {all?.length !== 0 && (
        <div class="toolbar">
          <FilterField label="Filter artifacts" name="q" shown={rows.length} all={all?.length ?? 0} inputRef={box} />
          <span class="num muted">{all && plural(all.length, "artifact")}</span>
        </div>
      )}
      {!all && error ? (
        <ErrorState error={error} onRetry={() => void source.load()} />
      ) : !all ? (
        <Delayed>
          <TableBones rows={12} widths={[120, 56, 32, 72, 96]} />
        </Delayed>
      ) : !all.length && unread.length ? (
        <Unread unread={unread} />
      ) : !all.length ? (
        <EmptyState title="No artifacts yet">
          <p>Data sets and models appear here, with their versions, when a script logs them.</p>
          <Code text={EXAMPLE} />
        </EmptyState>
      ) : (
        <>
          {error && !error.unreachable && <ErrorState error={error} onRetry={() => void source.load()} compact />}
          <Unread unread={unread} />
          {rows.length ? (
            <ArtifactTable rows={rows} several={several} sort={sort} order={order} onSort={onSort} cursor={cursor.value} onCursor={(index) => (cursor.value = index)} onOpen={(one) => go(artifactHash(one.id))} />
          ) : (
            <p class="quiet-note">
              Nothing matches <code>{filter}</code>.
            </p>
          )}
        </>
      )}
    </main>
  );
}

/** Whose artifacts are missing here, or may be older than they are. */
const Unread = ({ unread }: { unread: readonly UnreadSource[] }) =>
  unread.length > 0 && (
    <ul class="unread-hosts" aria-label="Hosts whose artifacts are not all here">
      {unreadTexts(unread).map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
