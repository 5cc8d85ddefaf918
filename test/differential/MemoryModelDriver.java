import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import org.apache.flink.runtime.util.bash.BashJavaUtils;

/**
 * Asks the class behind Flink's start scripts many times in one JVM. A line of input is its arguments, separated by
 * tabs; after its own output a line says how it ended.
 */
public class MemoryModelDriver {
    public static void main(String[] none) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String end = "ok";
            try {
                BashJavaUtils.main(line.split("\t"));
            } catch (Throwable failure) {
                end = "failed " + String.valueOf(failure.getMessage()).replace('\n', ' ');
            }
            System.out.println("SLUICE_END:" + end);
        }
    }
}
