import os, sys, tempfile, traceback
os.environ["RUNICORN_ROOT"]=tempfile.mkdtemp()
import numpy as np
import runicorn as wandb
run=wandb.init(project="p", config={"lr":.1}, system_metrics=False, console=False)
a=wandb.Artifact("data","dataset"); a.add_file(__file__); run.log_artifact(a)
S='''wandb.config.update({"a": 1}, True)
run.use_artifact("me/p/data:latest").download(tempfile.mkdtemp())
run.use_artifact("data:latest", type="dataset", aliases=[])
wandb.use_artifact("me/proj/data:v0").get_path(os.path.basename(__file__))
run.use_artifact("data:latest").get("x")
run.logged_artifacts(), run.used_artifacts()
wandb.run.summary["t"] = wandb.Table(["a"], [[1]])
wandb.log({"a": {"b": 1}}, step=1); wandb.log({"a/b": np.float32(2)})
wandb.finish_artifact
wandb.run.step % 10
wandb.log_artifact(__file__, name="x", type="model", aliases=["best"])
wandb.Artifact("z","t").metadata.update(a=1)
wandb.Artifact("z","t").add_file(local_path=__file__, name="x")
wandb.Artifact("z","t").add_dir(local_path="/tmp/nothing")
wandb.Artifact("z","t").ttl
run.use_artifact("data:latest").file()
run.use_artifact("data:latest").add_alias
run.use_artifact("data:latest").aliases.append("x")
run.use_artifact("data:latest").id
run.use_artifact("data:latest").checkout(tempfile.mkdtemp())
run.use_artifact("data:latest").source_name, run.use_artifact("data:latest").qualified_name
run.use_artifact("data:latest").save()
run.use_artifact("data:latest").delete()
run.use_artifact("data:latest").logged_by()
wandb.Table(dataframe=__import__("pandas").DataFrame({"a":[1]})).data[0]
wandb.Image(np.zeros((2,2))).image
wandb.run.config.update({"x": 1}); wandb.run.config["y"] = 3
wandb.run.tags.append
run.log({"x": wandb.Histogram([1,2])}); run.log({"h": wandb.Histogram([1,2]).histogram})
wandb.Plotly
wandb.Html(open(__file__))
wandb.alert("t", "x", wandb.AlertLevel.ERROR, 3)
wandb.run.define_metric("epoch", hidden=True)
wandb.log(dict(a=1), 5, True); wandb.log(data={"a":1}, step=6)
wandb.log({"a": None}); wandb.log({})
wandb.lightgbm.wandb_callback()
wandb.define_metric("x").name
run.config.items(), len(run.config), list(run.config), run.config == {}
hash(run), run == run, bool(run)
wandb.run.finish
wandb.Settings(mode="offline").mode'''
for line in S.splitlines():
    try: exec(line)
    except BaseException as e: print("RAISES", line, "->", type(e).__name__, str(e)[:100], file=sys.stderr)
