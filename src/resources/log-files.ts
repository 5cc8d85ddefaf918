/** The log configuration of a cluster: to the console, for `kubectl logs`, and to a file, for the web interface. */
import type { DefaultedSpec } from "../api/defaults.ts";

/** In the order in which Flink's client lists them. Flink's start scripts know no other names. */
export const LOG_FILE_NAMES = ["logback-console.xml", "log4j-console.properties"] as const;

const LOG4J = `# Read again while the process runs.
monitorInterval = 30

rootLogger.level = \${env:ROOT_LOG_LEVEL:-INFO}
rootLogger.appenderRef.console.ref = Console
rootLogger.appenderRef.file.ref = LogFile

# What a container prints is what "kubectl logs" shows.
appender.console.type = Console
appender.console.name = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.console.filter.level.type = ThresholdFilter
appender.console.filter.level.level = \${sys:console.log.level:-ALL}

# The web interface shows this file; Flink's start script sets its name.
appender.file.type = RollingFile
appender.file.name = LogFile
appender.file.fileName = \${sys:log.file}
appender.file.filePattern = \${sys:log.file}.%i
appender.file.append = true
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 100MB
appender.file.policies.start.type = OnStartupTriggeringPolicy
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = \${env:MAX_LOG_FILE_NUMBER:-10}

# A DEBUG root would drown in these.
logger.pekko.name = org.apache.pekko
logger.pekko.level = INFO
logger.kafka.name = org.apache.kafka
logger.kafka.level = INFO
logger.hadoop.name = org.apache.hadoop
logger.hadoop.level = INFO
logger.zookeeper.name = org.apache.zookeeper
logger.zookeeper.level = INFO
logger.shadedzookeeper.name = org.apache.flink.shaded.zookeeper3
logger.shadedzookeeper.level = INFO

# Warns of exceptions that Flink handles.
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
`;

const LOGBACK = `<configuration scan="true" scanPeriod="30 seconds">
  <property name="line" value="%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level %logger{60} %X{sourceThread} - %msg%n"/>

  <!-- What a container prints is what "kubectl logs" shows. -->
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <filter class="ch.qos.logback.classic.filter.ThresholdFilter">
      <level>\${console.log.level:-ALL}</level>
    </filter>
    <encoder><pattern>\${line}</pattern></encoder>
  </appender>

  <!-- The web interface shows this file; Flink's start script sets its name. -->
  <appender name="file" class="ch.qos.logback.core.rolling.RollingFileAppender">
    <file>\${log.file}</file>
    <rollingPolicy class="ch.qos.logback.core.rolling.FixedWindowRollingPolicy">
      <fileNamePattern>\${log.file}.%i</fileNamePattern>
      <minIndex>1</minIndex>
      <maxIndex>10</maxIndex>
    </rollingPolicy>
    <triggeringPolicy class="ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy">
      <maxFileSize>100MB</maxFileSize>
    </triggeringPolicy>
    <encoder><pattern>\${line}</pattern></encoder>
  </appender>

  <root level="\${ROOT_LOG_LEVEL:-INFO}">
    <appender-ref ref="console"/>
    <appender-ref ref="file"/>
  </root>

  <!-- A DEBUG root would drown in these. -->
  <logger name="org.apache.pekko" level="INFO"/>
  <logger name="org.apache.kafka" level="INFO"/>
  <logger name="org.apache.hadoop" level="INFO"/>
  <logger name="org.apache.zookeeper" level="INFO"/>
  <logger name="org.apache.flink.shaded.zookeeper3" level="INFO"/>

  <!-- Warns of exceptions that Flink handles. -->
  <logger name="org.jboss.netty.channel.DefaultChannelPipeline" level="ERROR"/>
</configuration>
`;

/** What a cluster logs with when neither the job file nor the operator says otherwise. */
export const DEFAULT_LOG_FILES: Readonly<Record<string, string>> = {
  "logback-console.xml": LOGBACK,
  "log4j-console.properties": LOG4J,
};

/** The job file's map replaces the operator's as a whole: a file that it leaves out does not exist. */
export function logFiles(
  spec: Pick<DefaultedSpec, "logConfiguration">,
  operatorFiles: Readonly<Record<string, string>> = DEFAULT_LOG_FILES,
): Record<string, string> {
  const files = spec.logConfiguration ?? operatorFiles;
  return Object.fromEntries(
    LOG_FILE_NAMES.flatMap((name) => {
      const text = files[name];
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

export type LogFiles = Readonly<Record<string, string>> | null | undefined;

/** By what a file asks the process that reads it to look again whether it has changed. */
const LOOKS_AGAIN: Readonly<Record<string, RegExp>> = {
  "log4j-console.properties": /^\s*monitorInterval\s*[=:]\s*[1-9]\d*\s*$/m,
  "logback-console.xml": /<configuration\b[^>]*\bscan\s*=\s*["']true["']/,
};

/**
 * Whether running processes take the new files up by themselves: the files that change have to say so already, and the
 * pods mount each file by its name, so that none may come or go.
 */
export function areReadAgain(before: LogFiles, after: LogFiles): boolean {
  if (!before || !after) return false;
  const names = Object.keys(after);
  if (names.length !== Object.keys(before).length) return false;
  return names.every((name) => {
    const [old, text] = [before[name], after[name]];
    return old !== undefined && (old === text || LOOKS_AGAIN[name]?.test(old) === true);
  });
}
