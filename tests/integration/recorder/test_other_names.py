"""What scripts of W&B's say, each on its own: it works or warns once, and what comes after it is recorded.

Each is one way that such a script uses a name. A text beside it is what its one warning says; None is for what works
without a word.
"""

import importlib.util
import re
from types import SimpleNamespace

import numpy as np
import pytest
from tests.support.recorded import values

import runicorn as rn

SAID_ONCE = "(Said once; training goes on.)"

# fmt: off
BEFORE_INIT = {
    "wandb.login()": "no server",
    "wandb.login(key='0' * 40, relogin=True)": "no server",
    "assert wandb.run is None": None,
    "wandb.setup()": "not needed",
    "wandb.require('core')": "not needed",
    "wandb.Settings(start_method='fork')": None,
    "assert len(wandb.util.generate_id()) == 8": None,
    "assert wandb.util.generate_id(12).isalnum()": None,
    "wandb.tensorboard.patch(root_logdir='logs')": "runicorn viewer --root",
    "wandb.termlog('hello')": None,
    "wandb.sweep({'method': 'grid', 'parameters': {}}, project='p')": "no scheduler",
    "wandb.agent(wandb.Settings, function=print, count=3)": "starts no training",
    "wandb.controller('s').run()": "no scheduler",
    "assert wandb.__version__": None,
    "assert issubclass(wandb.errors.CommError, Exception)": None,
    "assert issubclass(wandb.errors.UsageError, wandb.Error)": None,
    "assert wandb.sdk.wandb_run.Run is wandb.Run": None,
    "assert wandb.wandb_sdk.wandb_run.Run is wandb.Run": None,
    "wandb.sdk.wandb_config.Config": None,
    "assert wandb.data_types.Image is wandb.Image": None,
    "wandb.env.get_project()": "env.get_project()",
    "wandb.Api()": "open_root",
    "assert list(wandb.Api().runs('me/p')) == []": "open_root",
    "wandb.finish()": None,
    "wandb.unwatch()": None,
}
AFTER_INIT = {
    # the run
    "wandb.run.name = 'x'; assert run.name == 'x'": None,
    "wandb.run.name = wandb.run.name + '-' + wandb.run.id": None,
    "wandb.run.notes = 'n'; run.tags += ('t',); assert run.tags == ('t',)": None,
    "wandb.run.save()": None,
    "wandb.run.save('model.pt')": "log_artifact",
    "assert wandb.run.url.startswith('file:')": "run.url",
    "wandb.run.get_url()": "runicorn viewer",
    "wandb.run.get_project_url()": "runicorn viewer",
    "wandb.run.project_url, wandb.run.sweep_url": None,
    "open(os.path.join(wandb.run.dir, 'a.txt'), 'w').close()": None,
    "open(wandb.run.dir + '/a.txt', 'w').close(); assert os.path.exists(run.dir / 'a.txt')": None,
    "assert 'x' + wandb.run.dir == 'x' + str(wandb.run.dir)": None,
    "assert wandb.run.id in wandb.run.path": None,
    "assert wandb.run.project_name() == wandb.run.project == 'p'": None,
    "assert wandb.run.entity == '' and wandb.run.sweep_id is None and wandb.run.offline": None,
    "assert wandb.run.start_time > 0 and wandb.run.starting_step == 0": None,
    "assert not wandb.run.resumed and not wandb.run.disabled": None,
    "wandb.run.settings.anything_at_all": None,
    "wandb.run.display(height=420); wandb.run.to_html()": "runicorn viewer",
    "run.watch(object(), log='all')": "watch",
    "run.unwatch()": None,
    "run.log_code('.')": "git commit",
    "wandb.run.log_code(root='.', include_fn=lambda path: True)": "git commit",
    "run.mark_preempting()": "SIGTERM",
    "wandb.mark_preempting()": "SIGTERM",
    "run.restore('weights.h5')": "use_artifact",
    "wandb.restore('model.pt', run_path='a/b/c')": "use_artifact",
    "(run.dir / 'w.txt').write_text('w'); assert wandb.restore('w.txt').read() == 'w'": None,
    "assert wandb.save('*.pt') == []": "log_artifact",
    "wandb.save('model.pt', base_path='.', policy='live')": "log_artifact",
    "wandb.alert(title='t', text='x', level=wandb.AlertLevel.WARN, wait_duration=60)": None,
    "run.alert('t', 'x')": None,
    "wandb.define_metric('loss', summary='min', step_sync=True, overwrite=True)": None,
    "wandb.log({'a': 1}, commit=False, sync=False)": None,
    "wandb.log({'a': 1}, step=3, commit=True)": None,
    "run.log({'a': 1}, sync=True)": None,
    "wandb.unwatch()": None,
    "wandb.log_code('.')": "git commit",
    "wandb.login()": "no server",
    "wandb.ensure_configured()": "not needed",
    "assert wandb.setup() is not None": "not needed",
    "wandb.teardown()": "not needed",
    # config
    "wandb.config.setdefaults({'lr': 5, 'n': 3}); assert wandb.config.n == 3 and wandb.config.lr == 0.1": None,
    "wandb.config.update({'lr': 1}, allow_val_change=True); assert wandb.config.lr == 1": None,
    "wandb.config.update(SimpleNamespace(depth=3)); assert wandb.config['depth'] == 3": None,
    "wandb.config.lr = 0.2; assert run.config.lr == 0.2": None,
    "wandb.config.update_locked({'lr': 0.3}, user='sweep'); assert run.config.lr == 0.3": None,
    "wandb.config.persist()": None,
    "assert dict(wandb.config) == {**wandb.config} == wandb.config.as_dict() == {'lr': 0.1}": None,
    "assert 'lr' in wandb.config and wandb.config.get('depth', 2) == 2": None,
    "assert [*wandb.config.keys()] == ['lr'] and dict(wandb.config.items()) == wandb.config._items": None,
    "assert json.dumps(dict(wandb.config)) == '{\"lr\": 0.1}'": None,
    "assert vars(wandb.config)": None,
    "assert copy.deepcopy(wandb.config).lr == copy.copy(wandb.config).lr == 0.1": None,
    "assert pickle.loads(pickle.dumps(wandb.config)).lr == 0.1": None,
    "assert copy.deepcopy(run) is copy.copy(run) is run": None,
    "assert pickle.loads(pickle.dumps(run)).id == run.id": None,
    "assert pickle.loads(pickle.dumps(copy.deepcopy(run.summary))) == {}": None,
    "config = wandb.config; config.lr *= 2; assert run.config.lr == 0.2": None,
    "wandb.config = {'depth': 3}; assert wandb.config.depth == run.config.depth == 3": "config.update",
    # summary
    "wandb.run.summary['best'] = 1; assert wandb.summary['best'] == 1": None,
    "wandb.summary.update({'best': 1}); assert wandb.summary.get('best') == 1": None,
    "wandb.run.summary.best = 2; assert run.summary['best'] == 2": None,
    "wandb.run.summary.update()": None,
    "assert wandb.summary._as_dict() == {}": None,
    # plots
    "wandb.log({'v': wandb.plot.line(wandb.Table(['x', 'y'], [[1, 2]]), 'x', 'y', title='t')})": "plot.line()",
    "wandb.log({'v': wandb.plot.scatter(wandb.Table(data=[[1, 2]], columns=['x', 'y']), 'x', 'y')})": "plot.scatter()",
    "wandb.log({'v': wandb.plot.bar(wandb.Table(data=[['a', 2]], columns=['x', 'y']), 'x', 'y')})": "plot.bar()",
    "wandb.log({'v': wandb.plot.histogram(wandb.Table(data=[[1]], columns=['x']), 'x')})": "plot.histogram()",
    "wandb.log({'v': wandb.plot.line_series(xs=[0, 1], ys=[[1, 2], [3, 4]], keys=['a', 'b'], xname='s')})":
        "plot.line_series()",
    "wandb.log({'v': wandb.plot.confusion_matrix(probs=None, y_true=[0, 1], preds=[1, 1], class_names=['a', 'b'])})":
        "plot.confusion_matrix()",
    "wandb.log({'v': wandb.plot.roc_curve([0, 1], [[.8, .2], [.3, .7]], labels=['a', 'b'])})": "plot.roc_curve()",
    "wandb.log({'v': wandb.plot.pr_curve(y_true=[0, 1], y_probas=np.eye(2))})": "plot.pr_curve()",
    "wandb.log({'v': wandb.plot.pr_curve('nonsense', None)})": "not recorded",
    "wandb.log({'v': wandb.plot_table('me/spec', wandb.Table(['x'], [[1]]), {'x': 'x'})})": "plot_table()",
    "wandb.log({'v': wandb.plot.some_new_chart(1, 2)})": "some_new_chart",
    "wandb.log({'v': wandb.plots.ROC([0, 1], [0, 1], ['a'])})": "ROC",
    "wandb.sklearn.plot_roc([0], [0], ['a'])": "plot_roc",
    "wandb.sklearn.plot_classifier(None, None)": "plot_classifier",
    # tables and media
    "t = wandb.Table(columns=['a']); t.add_data(1); t.add_row(2); t.add_column('b', [3, 4]); wandb.log({'v': t}); "
        "assert t.get_column('b') == [3, 4] and len(list(t.iterrows())) == 2": None,
    "wandb.log({'v': wandb.Table(columns=['a'], data=[[1]], allow_mixed_types=True)})": None,
    "wandb.log({'v': wandb.Table(['a', 'b'], [[1, wandb.Object3D(np.zeros((3, 3)))]])})": "Object3D",
    "wandb.log({'v': wandb.Image(np.zeros((4, 4)), caption='c')})": None,
    "wandb.log({'v': wandb.Image(np.zeros((4, 4)), masks={'p': {'mask_data': 1}}, classes=[])})": "masks",
    "wandb.log({'v': [wandb.Image(np.zeros((4, 4)), boxes={'p': {'box_data': []}})]})": "boxes",
    "wandb.log({'v': wandb.Image(np.zeros((4, 4)), masks=None, boxes=None)})": None,
    "wandb.log({'v': wandb.Video(np.zeros((2, 3, 4, 4), 'u1'), fps=4, format='gif')})": None,
    "wandb.log({'v': wandb.Audio(np.zeros(100), sample_rate=8000, caption='c')})": None,
    "wandb.log({'v': wandb.Html('<b>x</b>', inject=False)})": None,
    "wandb.log({'v': wandb.Histogram(np_histogram=np.histogram([1, 2]))})": None,
    "wandb.log({'v': wandb.Object3D(np.zeros((3, 3)))})": "log_artifact",
    "wandb.log({'v': wandb.Object3D.from_file('a.obj')})": "log_artifact",
    "wandb.log({'v': wandb.Molecule('a.pdb', caption='c')})": "log_artifact",
    "wandb.log({'v': wandb.Graph()})": "Graph",
    "wandb.log({'v': wandb.Bokeh('x')})": "Bokeh",
    "wandb.Classes([{'id': 0, 'name': 'a'}])": None,
    # artifacts
    "a = wandb.Artifact('d', type='dataset', incremental=True); a.add_file(__file__, policy='mutable'); "
        "run.log_artifact(a, aliases=['latest', 'best'], tags=['x']).wait(); assert a.wait().version == 'v0'":
        None,
    "a = wandb.Artifact('d', 'x'); a.add_file(__file__); wandb.log_artifact(a).wait(); run.use_artifact(a)": None,
    "wandb.Artifact('d', 'x').add_reference('s3://bucket/x')": "add_file",
    "a = wandb.Artifact('d', 'x'); a.add_reference('file://' + __file__); assert run.log_artifact(a).stored": None,
    "wandb.Artifact('d', 'x').add(wandb.Table(['a'], [[1]]), 't')": "add_file",
    "a = wandb.Artifact('d', 'x'); a.add_file(local_path=__file__); run.log_artifact(a); "
        "assert wandb.use_artifact('me/p/d:latest').name == run.use_artifact('d:v0', aliases=[]).name == 'd'": None,
    "v = run.log_artifact(__file__, name='d'); v.save(); assert v.id == v.qualified_name == 'd:v0' and v.ttl is None":
        "stays as it was logged",
    "run.log_artifact(__file__, name='d').logged_by()": "its id",
    "assert os.listdir(run.log_artifact(__file__, name='d').checkout('there'))": None,
    "run.logged_artifacts()": "overview",
    "run.log_model(__file__, name='m'); assert os.path.exists(run.use_model('m:latest'))": None,
    "run.link_model('path', 'registry/name')": "alias",
    "run.link_artifact('a', 'target')": "alias",
    "run.upsert_artifact(__file__); run.finish_artifact(__file__)": None,
    # further
    "wandb.termwarn('w'); wandb.termerror('e', repeat=False)": None,
    "wandb.tensorboard.patch(root_logdir='x')": "runicorn viewer --root",
    "wandb.gym.monitor()": "gym.monitor()",
    "wandb.lightgbm.wandb_callback()(None)": "records nothing",
    "wandb.config.update({'lr': 1}, True); assert wandb.config.lr == 1": None,
    "wandb.util.anything(1, key=2)": "util.anything()",
    "assert wandb.Api().runs('me/p') == [] and not wandb.Api().default_entity": "open_root",
    "wandb.join()": None,
    "wandb.finish(exit_code=0, quiet=True)": None,
    "run.join()": None,
}
PARAMETERS = {
    "entity='me'": "entity",
    "entity=None, reinit=False, anonymous=None": None,
    "settings=wandb.Settings(start_method='fork'), reinit=True": "settings, reinit",
    "sync_tensorboard=True": "runicorn viewer --root",
    "sync_tensorboard=False, monitor_gym=False, save_code=False": None,
    "monitor_gym=True": "rn.Video",
    "save_code=True": "git commit",
    "dir='/tmp/elsewhere'": "root=",
    "dir=None": None,
    "config=SimpleNamespace(lr=1), id=wandb.util.generate_id(), resume='allow', mode='offline', tags=None": None,
}
# fmt: on


def use(code, run=None):
    names = {"wandb": rn, "run": run, "np": np, "SimpleNamespace": SimpleNamespace, "__file__": __file__}
    exec("import copy, json, os, pickle\n" + code, names)  # noqa: S102 - each text is a script


def warned(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if SAID_ONCE in line]


def check(found, said):
    assert len(found) == (said is not None), found
    assert said is None or said in found[0], found


@pytest.fixture(autouse=True)
def nothing_said_yet(monkeypatch, tmp_path):
    from runicorn.sdk import api, other_names
    from runicorn.sdk.current import CurrentRuns

    rn.finish()
    monkeypatch.setattr(other_names._WARNINGS, "_counts", {})
    monkeypatch.setattr(api, "_runs", CurrentRuns())
    monkeypatch.setenv("RUNICORN_ROOT", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("code", BEFORE_INIT)
def test_before_init_it_works_or_says_so_once(code, capsys):
    for _ in range(2):
        use(code)
    check(warned(capsys), BEFORE_INIT[code])


@pytest.mark.parametrize("code", AFTER_INIT)
def test_after_init_it_works_or_says_so_once(code, capsys, tmp_path):
    run = rn.init("p", config={"lr": 0.1}, system_metrics=False)
    use(code, run)
    check(warned(capsys), AFTER_INIT[code])
    if re.search(r"join|finish\(", code):
        return
    rn.log({"after": 1})
    run.finish()
    assert values(tmp_path / "root", "after", run.id) == [1]


ANYWHERE = [code for code in AFTER_INIT if "assert" not in code and "use_artifact" not in code]


@pytest.mark.parametrize("code", ANYWHERE)
def test_on_a_disabled_run_nothing_raises_and_nothing_is_kept(code, capsys, tmp_path):
    run = rn.init("p", config={"lr": 0.1}, mode="disabled")
    use(code, run)
    assert len(warned(capsys)) <= 1
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("code", ANYWHERE)
def test_after_finish_nothing_raises(code):
    run = rn.init("p", config={"lr": 0.1}, system_metrics=False)
    run.finish()
    use(code.replace("wandb.run.", "run."), run)


@pytest.mark.parametrize("given", PARAMETERS)
def test_a_parameter_of_init_works_or_is_said_once(given, capsys, tmp_path):
    use(f"wandb.init(project='p', {given}).finish()")
    check(warned(capsys), PARAMETERS[given])
    assert len(list((tmp_path / "root" / "runs").iterdir())) == 1


def test_beside_the_owner_of_a_run_nothing_raises_and_each_is_said_once(script, capsys, monkeypatch):
    owner = script.start(
        "import sys; import runicorn as rn; rn.init(id='one'); print('.', flush=True); sys.stdin.read()"
    )
    assert owner.stdout.readline() == ".\n"
    run = rn.init("p", id="one", resume="allow", root=script.root)
    for code in ANYWHERE * 2:
        if not re.search(r"join|finish\(", code):
            use(code, run)
    said = warned(capsys)
    assert len(said) == len(set(said)) > 20
    rn.log({"after": 1})
    run.finish()
    assert values(script.root, "after", "one") == [1]


def test_a_forked_child_uses_the_names_and_the_parents_run_keeps_what_it_logs(script):
    done = script.run(
        """
        import os
        import runicorn as wandb
        run = wandb.init("p", id="one")
        child = os.fork()
        if not child:
            wandb.run.name = "child"
            wandb.save("x")
            wandb.watch, run.log_code("."), run.url, wandb.run.dir + "/x"
            wandb.log({"loss": 1})
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        """
    )
    assert (done.returncode, done.stderr.count("run.log_code()")) == (0, 1), done.stderr
    assert values(script.root, "loss", "one") == [1]


def test_after_finish_there_is_no_current_run_so_that_a_script_opens_the_next_one():
    rn.init("p", id="one", system_metrics=False).finish()
    use("assert wandb.run is None\nif wandb.run is None: wandb.init('p', id='two')\nassert wandb.run.id == 'two'")
    rn.finish()


def test_what_a_server_alone_could_give_is_an_error_that_says_where_to_look(tmp_path):
    with pytest.raises(rn.RunicornError) as caught:
        rn.Api().run("me/p/abc")
    assert isinstance(caught.value, rn.errors.CommError)
    assert "open_root" in caught.value.hint


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="with PyTorch, watch() watches")
def test_watch_without_pytorch_says_so_once(capsys):
    rn.init("p", system_metrics=False)
    rn.watch(object())
    rn.watch(object())
    check(warned(capsys), "PyTorch")
