CREATE TABLE "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "experiments" VALUES(1,'vision','mlflow-artifacts:/1','active',1795645024233,1795645024233,'default');
INSERT INTO "metrics" VALUES('train/loss',3.33333333333333314829e-01,1700000000123,'09ad561a2ef042c08de1a5cfe5692ecd',0,0);
INSERT INTO "metrics" VALUES('train/loss',0.25,1700000000623,'09ad561a2ef042c08de1a5cfe5692ecd',1,0);
INSERT INTO "metrics" VALUES('train/loss',0.2,1700000001123,'09ad561a2ef042c08de1a5cfe5692ecd',2,0);
INSERT INTO "metrics" VALUES('train/loss',1.66666666666666657414e-01,1700000001623,'09ad561a2ef042c08de1a5cfe5692ecd',3,0);
INSERT INTO "metrics" VALUES('train/loss',1.42857142857142849212e-01,1700000002123,'09ad561a2ef042c08de1a5cfe5692ecd',4,0);
INSERT INTO "metrics" VALUES('train/loss',0.125,1700000002623,'09ad561a2ef042c08de1a5cfe5692ecd',5,0);
INSERT INTO "metrics" VALUES('train/loss',1.11111111111111104943e-01,1700000003123,'09ad561a2ef042c08de1a5cfe5692ecd',6,0);
INSERT INTO "metrics" VALUES('train/loss',0.1,1700000003623,'09ad561a2ef042c08de1a5cfe5692ecd',7,0);
INSERT INTO "metrics" VALUES('train/loss',9.09090909090909116141e-02,1700000004123,'09ad561a2ef042c08de1a5cfe5692ecd',8,0);
INSERT INTO "metrics" VALUES('train/loss',8.33333333333333287074e-02,1700000004623,'09ad561a2ef042c08de1a5cfe5692ecd',9,0);
INSERT INTO "metrics" VALUES('train/loss',7.6923076923076927347e-02,1700000005123,'09ad561a2ef042c08de1a5cfe5692ecd',10,0);
INSERT INTO "metrics" VALUES('train/loss',7.14285714285714246063e-02,1700000005623,'09ad561a2ef042c08de1a5cfe5692ecd',11,0);
INSERT INTO "metrics" VALUES('train/loss',6.66666666666666657414e-02,1700000006123,'09ad561a2ef042c08de1a5cfe5692ecd',12,0);
INSERT INTO "metrics" VALUES('train/loss',0.0625,1700000006623,'09ad561a2ef042c08de1a5cfe5692ecd',13,0);
INSERT INTO "metrics" VALUES('train/loss',5.8823529411764705066e-02,1700000007123,'09ad561a2ef042c08de1a5cfe5692ecd',14,0);
INSERT INTO "metrics" VALUES('train/loss',5.55555555555555524716e-02,1700000007623,'09ad561a2ef042c08de1a5cfe5692ecd',15,0);
INSERT INTO "metrics" VALUES('train/loss',5.26315789473684181309e-02,1700000008123,'09ad561a2ef042c08de1a5cfe5692ecd',16,0);
INSERT INTO "metrics" VALUES('train/loss',0.05,1700000008623,'09ad561a2ef042c08de1a5cfe5692ecd',17,0);
INSERT INTO "metrics" VALUES('train/loss',4.76190476190476164042e-02,1700000009123,'09ad561a2ef042c08de1a5cfe5692ecd',18,0);
INSERT INTO "metrics" VALUES('train/loss',4.5454545454545455807e-02,1700000009623,'09ad561a2ef042c08de1a5cfe5692ecd',19,0);
INSERT INTO "metrics" VALUES('bad',0.0,1700000000123,'09ad561a2ef042c08de1a5cfe5692ecd',0,1);
INSERT INTO "metrics" VALUES('top',1.79769313486231562234e+308,1700000000123,'09ad561a2ef042c08de1a5cfe5692ecd',1,0);
INSERT INTO "metrics" VALUES('low',-1.79769313486231562234e+308,1700000000123,'09ad561a2ef042c08de1a5cfe5692ecd',2,0);
INSERT INTO "metrics" VALUES('zero',0.0,1700000000123,'09ad561a2ef042c08de1a5cfe5692ecd',3,0);
INSERT INTO "metrics" VALUES('train/loss',0.125,1700000020123,'09ad561a2ef042c08de1a5cfe5692ecd',1099511627776,0);
INSERT INTO "params" VALUES('lr','0.1','09ad561a2ef042c08de1a5cfe5692ecd');
INSERT INTO "params" VALUES('opt','adam','09ad561a2ef042c08de1a5cfe5692ecd');
INSERT INTO "runs" VALUES('09ad561a2ef042c08de1a5cfe5692ecd','first','UNKNOWN','','','me','FAILED',1700000000123,1700000060123,'','active','mlflow-artifacts:/1/09ad561a2ef042c08de1a5cfe5692ecd/artifacts',1,NULL);
INSERT INTO "tags" VALUES('mlflow.user','me','09ad561a2ef042c08de1a5cfe5692ecd');
INSERT INTO "tags" VALUES('team','blue','09ad561a2ef042c08de1a5cfe5692ecd');
INSERT INTO "tags" VALUES('mlflow.note.content','why','09ad561a2ef042c08de1a5cfe5692ecd');
INSERT INTO "tags" VALUES('mlflow.runName','first','09ad561a2ef042c08de1a5cfe5692ecd');
