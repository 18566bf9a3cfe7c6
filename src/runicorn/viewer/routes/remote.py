"""The Remote API: each route is its given shape around one call of the remote service."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import PlainTextResponse

from runicorn.remote.machines import MachineLook
from runicorn.remote.server import probe
from runicorn.remote.service import RemoteService
from runicorn.remote.ssh.interface import Connection
from runicorn.remote.trust.target import Target, parse_connection_id
from runicorn.viewer import question_schemas as asked
from runicorn.viewer import remote_schemas as wire
from runicorn.viewer import session_schemas as session_wire
from runicorn.viewer import way_schemas
from runicorn.viewer.answers import HOST_KEY, NOT_FOUND, TEXT, json_answer
from runicorn.viewer.guests import Guests

ConnectionId = Annotated[str, Query(max_length=512)]
Path = Annotated[str, Query(max_length=4096)]
NodeWord = Annotated[str | None, Query(max_length=100)]


class RemoteApi:
    """The remote service with its routes, as the viewer's app takes it. guests: the roots of the sessions' hosts."""

    def __init__(self, service: RemoteService, guests: Guests | None = None) -> None:
        self._service = service
        self.guests = guests or Guests()
        self.router = APIRouter(prefix="/api/remote", tags=["remote"])
        for add in (
            self._add_connections,
            self._add_questions,
            self._add_known_hosts,
            self._add_host,
            self._add_viewer,
            self._add_status,
        ):
            add(self.router)

    async def start(self) -> None:
        await self._service.run_blocking(self.guests.start)
        await self._service.start()

    async def stop(self) -> None:
        await self._service.stop()

    def subscribe(self) -> AsyncGenerator[None, None]:
        return self._service.changes()

    async def machines(self) -> list[MachineLook]:
        return await self._service.machines.look()

    def snapshot(self) -> dict[str, Any]:
        """Return the body of GET /api/remote/status."""
        connections = [wire.connection_answer(each) for each in self._service.connections.live()]
        sessions, ended = self._session_answers()
        progress = self._service.connections.all_progress()
        return session_wire.StatusAnswer(
            connections=connections,
            viewer_sessions=sessions,
            connection_count=len(connections),
            viewer_session_count=len(sessions),
            ended_sessions=ended,
            progress=[wire.progress_answer(target, each) for target, each in progress.items()],
            questions=[asked.question_answer(each) for each in self._service.questions.questions()],
        ).model_dump()

    def steady(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        """Return the snapshot without the sessions' uptime, which a page counts on from `startedAt`."""
        names = ("viewer_sessions", "ended_sessions")
        return {**snapshot, **{name: [{**session, "uptimeSeconds": 0} for session in snapshot[name]] for name in names}}

    def _session_answers(self) -> tuple[list[session_wire.SessionAnswer], list[session_wire.SessionAnswer]]:
        """Return the sessions that live, and those that ended."""
        known = self._service.sessions.all()
        return (
            [session_wire.session_answer(each) for each in known if each.live],
            [session_wire.session_answer(each) for each in known if not each.live],
        )

    def _live(self, connection_id: str) -> tuple[Target, Connection]:
        target = parse_connection_id(connection_id)
        return target, self._service.connections.get(target)

    def _add_connections(self, router: APIRouter) -> None:
        service = self._service

        @router.post("/connect", responses=HOST_KEY)
        async def connect(body: wire.ConnectBody) -> wire.ConnectAnswer:
            """Open an SSH connection, or answer with the one that is open."""
            connection = await service.connect(
                body.target(), body.credentials(), body.attempt, interactive=body.interactive
            )
            return wire.connect_answer(connection)

        @router.get("/names")
        async def names() -> way_schemas.NamesAnswer:
            """List the names in the person's ssh config."""
            return way_schemas.NamesAnswer(names=await service.names())

        @router.post("/resolve")
        async def resolve(body: way_schemas.ResolveBody) -> way_schemas.MeantAnswer:
            """Tell what a person typed for a server, and the way there, as their own `ssh -G` has it."""
            return way_schemas.meant_answer(await service.meant(body.typed))

        @router.get("/sessions")
        async def connections() -> wire.ConnectionsAnswer:
            """List the open connections."""
            return wire.ConnectionsAnswer(
                sessions=[wire.connection_answer(each) for each in service.connections.live()]
            )

        @router.post("/disconnect")
        async def disconnect(body: wire.TargetBody) -> wire.MessageAnswer:
            """Stop the sessions on a connection, then close it."""
            for session in service.sessions.on(body.target()):
                await service.run_blocking(self.guests.let_go, session.session_id)
            if await service.disconnect(body.target()):
                return wire.MessageAnswer(ok=True, message="Connection removed")
            return wire.MessageAnswer(ok=False, message="Connection not found")

        @router.post("/attempts/give-up")
        async def give_up(body: wire.GiveUpBody) -> wire.MessageAnswer:
            """Give up the connect and start that bear this attempt's id, and the connection that it alone made.

            Nothing else ends: no session that runs, nothing that another window waits for.
            """
            if await service.give_up(body.attempt):
                return wire.MessageAnswer(ok=True, message="Attempt given up")
            return wire.MessageAnswer(ok=False, message="Nothing of this attempt was under way")

        @router.get("/connections/saved")
        async def saved() -> wire.SavedAnswer:
            """Load the saved connections; they hold no secret."""
            return wire.SavedAnswer(ok=True, connections=await service.load_saved())

        @router.post("/connections/saved")
        async def save(body: list[wire.SavedBody]) -> wire.MessageAnswer:
            """Replace the saved connections. Unknown fields are kept, secret ones dropped."""
            items = [item.model_dump(exclude_unset=True) for item in body]
            await service.save(items)
            count = len(items)
            return wire.MessageAnswer(ok=True, message=f"Saved {count} connection{'' if count == 1 else 's'}")

    def _add_questions(self, router: APIRouter) -> None:
        questions = self._service.questions

        @router.post("/answer", responses=NOT_FOUND)
        async def answer(body: asked.AnswerBody) -> wire.MessageAnswer:
            """Answer what a server asks while somebody logs in; what that led to is told by the connect or the start.

            400 for another number of answers than prompts, with the question left open; 404 once it is answered,
            cancelled or too old.
            """
            questions.answer(body.id, body.answers)
            return wire.MessageAnswer(ok=True, message="The answers are sent to the server")

        @router.post("/cancel", responses=NOT_FOUND)
        async def cancel(body: asked.QuestionBody) -> wire.MessageAnswer:
            """Give the login up that asks this; the connect or the start that waits for it ends with an error."""
            questions.cancel(body.id)
            return wire.MessageAnswer(ok=True, message="The login is given up")

    def _add_known_hosts(self, router: APIRouter) -> None:
        service = self._service

        @router.post("/known-hosts/accept")
        async def accept(body: wire.AcceptBody) -> wire.OkAnswer:
            """Write a host key that a person compared and accepted."""
            await service.run_blocking(
                service.host_keys.accept, body.host, body.port, body.key_type, body.public_key, body.fingerprint_sha256
            )
            return wire.OkAnswer(ok=True)

        @router.get("/known-hosts/list")
        async def known_hosts() -> wire.KnownHostsAnswer:
            """List the accepted host keys."""
            entries = await service.run_blocking(service.host_keys.listed)
            return wire.KnownHostsAnswer(entries=[wire.known_host_answer(each) for each in entries])

        @router.post("/known-hosts/remove")
        async def remove(body: wire.RemoveBody) -> wire.RemoveAnswer:
            """Forget a host's key of one type."""
            changed = await service.run_blocking(service.host_keys.remove, body.host, body.port, body.key_type)
            return wire.RemoveAnswer(ok=True, changed=changed)

    def _add_host(self, router: APIRouter) -> None:
        service = self._service

        @router.get("/conda-envs", responses=NOT_FOUND)
        async def environments(
            connection_id: ConnectionId,
            conda_env: Annotated[
                str | None, Query(max_length=4096, description="The path of one more, its folder or its interpreter.")
            ] = None,
        ) -> wire.EnvironmentsAnswer:
            """List the Python environments of a host, of every kind."""
            _, connection = self._live(connection_id)
            facts = await service.sessions.probes.facts(connection, conda_env)
            return wire.EnvironmentsAnswer(ok=True, envs=[wire.environment_answer(each) for each in facts.environments])

        @router.get("/config", responses=NOT_FOUND)
        async def config(
            connection_id: ConnectionId, conda_env: Annotated[str, Query(max_length=4096)] = "system"
        ) -> wire.ConfigAnswer:
            """Describe one environment of a host, and suggest where its runs are."""
            target, connection = self._live(connection_id)
            facts = await service.sessions.probes.facts(connection, conda_env, max_age_secs=5.0)
            environment = probe.choose(facts, conda_env)
            return wire.ConfigAnswer(
                ok=True,
                condaEnv=environment.name,
                pythonVersion=f"Python {environment.python_version}",
                runicornVersion=environment.runicorn_version,
                defaultStorageRoot=facts.default_root,
                storageRootExists=facts.root_exists,
                suggestedRemotePort=facts.free_port,
                connectionId=target.connection_id,
            )

        @router.get("/fs/list", response_model=wire.ListingAnswer, responses=NOT_FOUND)
        async def list_folder(
            connection_id: ConnectionId, path: Path = "~", node: NodeWord = None, node_job: NodeWord = None
        ) -> Response:
            """List a folder of the server; with a node of one of the person's Slurm jobs and that job, one on the
            node's own disks.
            """
            target, _ = self._live(connection_id)
            listing = await service.list_folder(target, path, wire.node_of_job(node, node_job))
            return json_answer(await service.run_blocking(wire.listing_answer, listing))

        @router.get("/fs/exists", responses=NOT_FOUND)
        async def exists(connection_id: ConnectionId, path: Path) -> wire.ExistsAnswer:
            """Tell whether a path exists on the server."""
            target, _ = self._live(connection_id)
            return wire.exists_answer(await service.path_facts(target, path))

        @router.get("/storage-candidates", responses=NOT_FOUND)
        async def storage_candidates(connection_id: ConnectionId) -> wire.CandidatesAnswer:
            """List the folders of a host that are likely to hold runs, the one with most runs first."""
            target, _ = self._live(connection_id)
            return wire.candidates_answer(await service.storage_candidates(target))

    def _add_viewer(self, router: APIRouter) -> None:
        service = self._service

        @router.post("/viewer/start", responses={**NOT_FOUND, **HOST_KEY})
        async def start(body: wire.StartBody) -> session_wire.StartAnswer:
            """Start a viewer on the server and tunnel it to a local port."""
            session = await service.start_session(body.start_request(), body.attempt)
            answer = session_wire.session_answer(session)
            return session_wire.StartAnswer(ok=True, session=answer, message=f"Remote Viewer ready at {answer.url}")

        @router.post("/viewer/stop", responses=NOT_FOUND)
        async def stop(body: wire.StopBody) -> wire.MessageAnswer:
            """Stop a session; nothing of it is left on either side afterwards."""
            await service.run_blocking(self.guests.let_go, body.session_id)
            await service.sessions.stop(body.session_id)
            return wire.MessageAnswer(ok=True, message="Remote Viewer stopped")

        @router.post("/viewer/retry", responses=NOT_FOUND)
        async def retry(body: wire.RetryBody) -> wire.MessageAnswer:
            """Look at a session's link at once, or try at once to bring it back: a person is looking."""
            session = service.sessions.get(body.session_id)
            if body.login:
                session.try_login(interactive=body.interactive)
            else:
                session.nudge()
            return wire.MessageAnswer(ok=True, message="The link is looked at now")

        @router.get("/viewer/sessions")
        async def sessions(
            ended: Annotated[bool, Query(description="Also those that ended; the newest are kept.")] = False,
        ) -> session_wire.SessionsAnswer:
            """List the sessions."""
            live, over = self._session_answers()
            return session_wire.SessionsAnswer(sessions=[*live, *over] if ended else live)

        @router.get("/viewer/status/{session_id}", responses=NOT_FOUND)
        async def session_status(session_id: str) -> session_wire.SessionAnswer:
            """Describe one session."""
            return session_wire.session_answer(service.sessions.get(session_id))

        @router.get("/viewer/log/{session_id}", responses=NOT_FOUND)
        async def session_log(
            session_id: str,
            after: Annotated[
                int, Query(ge=0, le=2**53, description="Leave out this many lines: `next` of the last answer.")
            ] = 0,
        ) -> session_wire.LogAnswer:
            """Return a session's log, the newest 2,000 lines of it; it is kept until the session is gone."""
            return session_wire.log_answer(service.sessions.get(session_id), after)

        @router.get("/viewer/diagnostics/{session_id}", response_class=Response, responses={**NOT_FOUND, **TEXT})
        async def session_diagnostics(session_id: str) -> Response:
            """Describe a session, its stages and its log in one text to give to others: it holds no secret."""
            text = await service.diagnostics(session_id)
            return PlainTextResponse(text, headers={"Cache-Control": "no-store"})

    def _add_status(self, router: APIRouter) -> None:
        @router.get("/status")
        async def status() -> session_wire.StatusAnswer:
            """Describe everything that is open, and how far each attempt has come."""
            return session_wire.StatusAnswer.model_validate(self.snapshot())
