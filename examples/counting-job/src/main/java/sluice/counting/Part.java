package sluice.counting;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** The lines of one subtask between two checkpoints, and the name of the file that they become. */
final class Part implements Serializable {
    static final SimpleVersionedSerializer<Part> SERIALIZER = new Serializer();

    final String name;
    final String lines;

    Part(String name, String lines) {
        this.name = name;
        this.lines = lines;
    }

    private static final class Serializer implements SimpleVersionedSerializer<Part> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Part part) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            DataOutputStream out = new DataOutputStream(bytes);
            out.writeUTF(part.name);
            out.write(part.lines.getBytes(StandardCharsets.UTF_8));
            return bytes.toByteArray();
        }

        @Override
        public Part deserialize(int version, byte[] bytes) throws IOException {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
            return new Part(in.readUTF(), new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }
}
