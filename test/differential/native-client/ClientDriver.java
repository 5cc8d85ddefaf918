import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.client.deployment.ClusterSpecification;
import org.apache.flink.client.deployment.application.ApplicationConfiguration;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.DeploymentOptionsInternal;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.kubernetes.KubernetesClusterClientFactory;
import org.apache.flink.kubernetes.KubernetesClusterDescriptor;
import org.apache.flink.kubernetes.artifact.DefaultKubernetesArtifactUploader;
import org.apache.flink.kubernetes.kubeclient.FlinkKubeClient;
import org.apache.flink.kubernetes.kubeclient.FlinkKubeClientFactory;
import org.apache.flink.kubernetes.kubeclient.KubernetesJobManagerSpecification;
import org.apache.flink.kubernetes.shaded.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.kubernetes.shaded.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.kubernetes.shaded.io.fabric8.kubernetes.client.utils.Serialization;

/**
 * Flink's own Kubernetes client, asked many times in one JVM. It runs as for a real submission; only the call that
 * would send its objects to the API server is caught. One JSON object a line in, one out:
 * {"deploy": {"confDir", "options", "args", "main"}} answers the objects,
 * {"configuration": folder} what a process of Flink reads from that folder,
 * {"podTemplate": file} how Flink understands that template. A failure answers {"error": message}.
 */
public class ClientDriver {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static class Captured extends RuntimeException {}

    /** Takes the objects instead of creating them, and leaves as soon as the client wants to talk to the cluster. */
    private static class CapturingFactory extends FlinkKubeClientFactory {
        private KubernetesJobManagerSpecification specification;

        @Override
        public FlinkKubeClient fromConfiguration(Configuration configuration, String useCase) {
            return (FlinkKubeClient)
                    Proxy.newProxyInstance(
                            FlinkKubeClient.class.getClassLoader(),
                            new Class<?>[] {FlinkKubeClient.class},
                            (proxy, method, args) -> {
                                switch (method.getName()) {
                                    case "createJobManagerComponent":
                                        specification = (KubernetesJobManagerSpecification) args[0];
                                        return null;
                                    case "loadPodFromTemplateFile":
                                        return real().loadPodFromTemplateFile((File) args[0]);
                                    case "getService":
                                        return Optional.empty();
                                    case "close":
                                    case "stopAndCleanupCluster":
                                        return null;
                                    default:
                                        throw new Captured();
                                }
                            });
        }
    }

    private static FlinkKubeClient real;

    /** Reading a template needs no server, only a client. */
    private static FlinkKubeClient real() {
        if (real == null) {
            Configuration configuration = new Configuration();
            configuration.setString("kubernetes.cluster-id", "none");
            real = FlinkKubeClientFactory.getInstance().fromConfiguration(configuration, "template");
        }
        return real;
    }

    private static JsonNode deploy(JsonNode request) throws Exception {
        String confDir = request.get("confDir").asText();
        // As bin/flink does: the file first, then what -D says.
        Configuration configuration = GlobalConfiguration.loadConfiguration(confDir);
        request.get("options")
                .fields()
                .forEachRemaining(option -> configuration.setString(option.getKey(), option.getValue().asText()));
        configuration.set(DeploymentOptionsInternal.CONF_DIR, confDir);
        List<String> args = new ArrayList<>();
        request.get("args").forEach(arg -> args.add(arg.asText()));
        String main = request.hasNonNull("main") ? request.get("main").asText() : null;

        ClusterSpecification specification =
                new KubernetesClusterClientFactory().getClusterSpecification(configuration);
        CapturingFactory factory = new CapturingFactory();
        try (KubernetesClusterDescriptor descriptor =
                new KubernetesClusterDescriptor(configuration, factory, new DefaultKubernetesArtifactUploader())) {
            if (configuration.toMap().get("execution.target").equals("kubernetes-session")) {
                descriptor.deploySessionCluster(specification);
            } else {
                descriptor.deployApplicationCluster(
                        specification, new ApplicationConfiguration(args.toArray(new String[0]), main));
            }
        } catch (Captured expected) {
            // The objects are there.
        }
        List<JsonNode> objects = new ArrayList<>();
        objects.add(JSON.readTree(Serialization.asJson(factory.specification.getDeployment())));
        for (Object owned : factory.specification.getAccompanyingResources()) {
            objects.add(JSON.readTree(Serialization.asJson(owned)));
        }
        return JSON.valueToTree(Map.of("objects", objects));
    }

    private static JsonNode answer(JsonNode request) throws Exception {
        if (request.has("deploy")) {
            return deploy(request.get("deploy"));
        }
        if (request.has("configuration")) {
            Configuration read = GlobalConfiguration.loadConfiguration(request.get("configuration").asText());
            Map<String, Object> result = new LinkedHashMap<>();
            // Lists have two spellings; this is how the JobManager reads this one.
            result.put("arguments", ApplicationConfiguration.fromConfiguration(read).getProgramArguments());
            result.put("jars", read.getOptional(PipelineOptions.JARS).orElse(List.of()));
            Map<String, String> options = read.toMap();
            options.remove(ApplicationConfiguration.APPLICATION_ARGS.key());
            options.remove(PipelineOptions.JARS.key());
            result.put("options", options);
            return JSON.valueToTree(result);
        }
        File file = new File(request.get("podTemplate").asText());
        String pod = Serialization.asJson(real().loadPodFromTemplateFile(file).getInternalResource());
        return JSON.valueToTree(Map.of("pod", JSON.readTree(pod)));
    }

    private static String failure(Throwable thrown) {
        StringBuilder text = new StringBuilder();
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            text.append(text.length() == 0 ? "" : ": ").append(cause.getMessage());
        }
        return text.toString();
    }

    public static void main(String[] none) throws Exception {
        PrintStream answers = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        // Whatever a library prints must not come between the answers.
        System.setOut(System.err);
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            JsonNode result;
            try {
                result = answer(JSON.readTree(line));
            } catch (Throwable thrown) {
                Map<String, String> error = new LinkedHashMap<>();
                error.put("error", failure(thrown));
                result = JSON.valueToTree(error);
            }
            answers.println(JSON.writeValueAsString(result));
            answers.flush();
        }
        System.exit(0);
    }
}
