/** Causes that Flink's own exceptions and logs name. */
import { byWords, type Rule } from "./rule.ts";

export const wordRules: readonly Rule[] = [
  byWords(
    {
      id: "rights-missing",
      title: "Flink's service account may not do what Flink has to do.",
      seen: "`cannot … resource … in the namespace` or a 403 of the API server in the JobManager's log.",
      why: "The JobManager makes TaskManager pods and keeps HA metadata in ConfigMaps; its account has no Role for that.",
      next: "Give the account of spec.serviceAccount its rights: kubectl apply -f deploy/operator/flink-service-account.yaml.",
    },
    /User "system:serviceaccount:[^"]+" cannot \w+ resource|is forbidden: User "system:serviceaccount/,
  ),
  byWords(
    {
      id: "savepoint-missing",
      title: "The savepoint or checkpoint to start from is not there.",
      seen: "`Cannot find checkpoint or savepoint file/directory` or `Cannot find meta data file '_metadata'`.",
      why: "spec.job.initialSavepointPath or status.jobStatus.upgradeSavepointPath names a path that was deleted, or never was.",
      next: "Choose one that is there (`sluice history`, `sluice get flinksnp`), set spec.job.initialSavepointPath to it and change spec.job.savepointRedeployNonce.",
    },
    /Cannot find (checkpoint or savepoint file\/directory|meta ?data file)|Could not find checkpoint or savepoint/i,
  ),
  byWords(
    {
      id: "incompatible-state",
      title: "The state does not fit the job any more.",
      seen: "`Cannot map checkpoint/savepoint state for operator …`, StateMigrationException, or another max parallelism.",
      why: "An operator that had state is gone or has another uid, its state's type has changed in a way that its serializer cannot read, or the maximum parallelism is another one.",
      next: "Give the operator its old uid (or type) back; if its state may be dropped, set spec.job.allowNonRestoredState: true. Until then `sluice rollback` brings the old job back.",
    },
    /Cannot map checkpoint\/savepoint state|There is no operator for the state|StateMigrationException|new state serializer .*must not be incompatible|max(imum)? parallelism .*(mismatch|changed|lower)|Max parallelism mismatch|Failed to rollback to checkpoint\/savepoint/i,
  ),
  byWords(
    {
      id: "file-system-unknown",
      title: "Flink has no file system for the scheme of a path.",
      seen: "`Could not find a file system implementation for scheme …`.",
      why: "The plugin for it (flink-s3-fs-hadoop, flink-s3-fs-presto, flink-gs-fs-hadoop, flink-azure-fs-hadoop) is not in the image's plugins folder.",
      next: "Copy the plugin's jar from /opt/flink/opt to /opt/flink/plugins/<name>/ in the image, or set ENABLE_BUILT_IN_PLUGINS in spec.podTemplate.",
    },
    /Could not find a file system implementation for scheme|UnsupportedFileSystemSchemeException/,
  ),
  byWords(
    {
      id: "bucket-missing",
      title: "The bucket does not exist.",
      seen: "`NoSuchBucket` or `The specified bucket does not exist`.",
      why: "A path of the state (checkpoints, savepoints, HA storage) names a bucket that was not created, or is in another region.",
      next: "Create the bucket, or mend the paths in spec.flinkConfiguration.",
    },
    /NoSuchBucket|bucket does not exist|BucketNotFound/i,
  ),
  byWords(
    {
      id: "state-access-denied",
      title: "The state storage refuses the credentials.",
      seen: "AccessDenied, SignatureDoesNotMatch, InvalidAccessKeyId, or status 403 of the storage; or no credentials at all.",
      why: "The keys are wrong or expired, or the role of the service account has no right to the bucket.",
      next: "Check s3.access-key and s3.secret-key (or the annotations of the service account), and the bucket's policy: list, read, write and delete.",
    },
    /SignatureDoesNotMatch|InvalidAccessKeyId|AccessDenied|Access Denied|Status Code: 403|NoAwsCredentials|No AWS Credentials|Unable to load credentials/i,
  ),
  byWords(
    {
      id: "unknown-host",
      title: "A host name cannot be resolved.",
      seen: "UnknownHostException.",
      why: "An address in the configuration or in the job's arguments is misspelt, or the cluster's DNS does not know it.",
      next: "Mend the address; `kubectl run -it --rm --image=busybox test -- nslookup HOST` asks as the pods do.",
    },
    /UnknownHostException/,
  ),
  byWords(
    {
      id: "state-unreachable",
      title: "The state storage cannot be reached.",
      seen: "`Connection refused`, `connect timed out` or `Unable to execute HTTP request` while state is written or HA services start.",
      why: "The endpoint is wrong, the storage is down, or a NetworkPolicy keeps the pods from it.",
      next: "Check s3.endpoint and the paths in spec.flinkConfiguration, and that a pod of the namespace reaches the storage.",
    },
    /Unable to execute HTTP request|Connect to \S+ .*failed|SdkClientException.*(refused|timed? ?out)|Could not create FileSystem for highly available storage|Failed to create (checkpoint|HA) storage/i,
  ),
  byWords(
    {
      id: "entry-class-missing",
      title: "The job's main class is not in its jar.",
      seen: "`Could not find the program's entry point class`, `Failed to find the class in the entry-class`, or a ClassNotFoundException of spec.job.entryClass.",
      why: "spec.job.entryClass is misspelt, or the jar has no such class, or no main class in its manifest.",
      next: "Mend spec.job.entryClass, or take it away where the jar's manifest names the class.",
    },
    /entry point class|entry-class|program class could not be loaded|Could not find the provided job class|Failed to find job class|Unable to (find|load) .*job class|neither a 'Main-Class'|job class name/i,
  ),
  byWords(
    {
      id: "jar-missing",
      title: "The job's jar is not where spec.job.jarURI says.",
      seen: "`JAR file does not exist`, or NoSuchFileException or FileNotFoundException of a jar.",
      why: "local:/// is a path inside the image, and the image has no file there; or a URL does not answer.",
      next: "Mend spec.job.jarURI, or copy the jar to that path when the image is built.",
    },
    /JAR file (does not exist|.*not found)|(NoSuchFile|FileNotFound)Exception.*\.jar|\.jar' does not exist|Failed to fetch.*\.jar/i,
  ),
  byWords(
    {
      id: "class-missing",
      title: "A class that the job needs is not in its jar.",
      seen: "ClassNotFoundException, NoClassDefFoundError, NoSuchMethodError or NoSuchFieldError.",
      why: "A dependency (a connector, for example) is not packed into the jar, or is one for another version of Flink.",
      next: "Pack the dependency into the jar (`provided` is for Flink's own), built for the Flink version of spec.flinkVersion.",
    },
    /ClassNotFoundException|NoClassDefFoundError|NoSuchMethodError|NoSuchFieldError|AbstractMethodError/,
  ),
  byWords(
    {
      id: "java-version",
      title: "The job was compiled for a newer Java than the image has.",
      seen: "UnsupportedClassVersionError.",
      why: "The jar's classes need a newer Java runtime than the image's.",
      next: "Compile for the image's Java (maven.compiler.release), or take an image with a newer one.",
    },
    /UnsupportedClassVersionError/,
  ),
  byWords(
    {
      id: "memory-exhausted",
      title: "A JVM runs out of one of its memories.",
      seen: "`OutOfMemoryError: Java heap space`, `Metaspace` or `Direct buffer memory`.",
      why: "That part of Flink's memory model is too small for the job; the container's limit has nothing to do with it.",
      next: "Heap: spec.taskManager.resource.memory or taskmanager.memory.task.heap.size; Metaspace: taskmanager.memory.jvm-metaspace.size; direct: taskmanager.memory.task.off-heap.size (for a JobManager: jobmanager.memory.*).",
    },
    /OutOfMemoryError/,
  ),
  byWords(
    {
      id: "no-slots",
      title: "The job does not get the slots that it needs.",
      seen: "NoResourceAvailableException: `Could not acquire the minimum required resources`.",
      why: "There are fewer TaskManagers with free slots than the parallelism needs, and no more came in time.",
      next: "See why TaskManagers are missing (`sluice describe`), lower spec.job.parallelism, or raise slot.request.timeout.",
    },
    /NoResourceAvailableException|Could not acquire the minimum required resources|Slot request bulk is not fulfillable/,
  ),
];
