import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.MemberDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's Java client as an agent: the same lines of JSON as `agent.py`, which says what they mean.
 */
public class JavaAgent {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Duration PATIENCE = Duration.ofSeconds(30);
    static final Map<String, String> ASSIGNORS = Map.of(
        "range", "org.apache.kafka.clients.consumer.RangeAssignor",
        "roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor",
        "cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");

    final String bootstrap;
    Admin admin;
    KafkaConsumer<byte[], byte[]> member;
    ArrayNode seen;
    ArrayNode given;
    ArrayNode taken;

    JavaAgent(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    public static void main(String[] arguments) throws Exception {
        JavaAgent agent = new JavaAgent(arguments[0]);
        LinkedBlockingQueue<Optional<String>> lines = new LinkedBlockingQueue<>();
        Thread listener = new Thread(() -> listen(lines));
        listener.setDaemon(true);
        listener.start();
        System.out.println("{\"value\": \"ready\"}");
        while (true) {
            Optional<String> line = agent.member == null ? lines.take() : lines.poll();
            if (line == null) {
                agent.poll();
            } else if (line.isEmpty()) {
                System.exit(0);
            } else {
                System.out.println(agent.answer(line.get()));
            }
        }
    }

    static void listen(LinkedBlockingQueue<Optional<String>> lines) {
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(Optional.of(line));
            }
        } catch (java.io.IOException error) {
            System.err.println(error);
        }
        lines.add(Optional.empty());
    }

    String answer(String line) throws Exception {
        ObjectNode answer = JSON.createObjectNode();
        try {
            JsonNode value = run(JSON.readTree(line));
            answer.set("value", value);
        } catch (Throwable error) {
            Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
            short code = Errors.forException(cause).code();
            answer.put("error", cause.toString());
            answer.put("code", code);
        }
        return JSON.writeValueAsString(answer);
    }

    JsonNode run(JsonNode in) throws Exception {
        String topic = in.path("topic").asText();
        String group = in.path("group").asText();
        switch (in.get("do").asText()) {
            case "create": return create(topic, in);
            case "delete": return done(admin().deleteTopics(List.of(topic)).all());
            case "topics": return topics();
            case "add_partitions":
                NewPartitions count = NewPartitions.increaseTo(in.get("count").asInt());
                return done(admin().createPartitions(Map.of(topic, count)).all());
            case "config": return config(topic);
            case "alter": return alter(topic, in);
            case "delete_records": return deleteRecords(in);
            case "offsets": return offsets(place(in));
            case "groups": return groups();
            case "group": return group(group);
            case "group_offsets": return groupOffsets(group);
            case "alter_group_offset":
                OffsetAndMetadata to = new OffsetAndMetadata(in.get("offset").asLong());
                return done(admin().alterConsumerGroupOffsets(group, Map.of(place(in), to)).all());
            case "delete_group": return done(admin().deleteConsumerGroups(List.of(group)).all());
            case "cluster": return cluster();
            case "produce": return produce(topic, in);
            case "read": return read(topic, in);
            case "join": return join(group, in);
            case "state": return state();
            case "commit": member.commitSync(); return null;
            case "leave": member.close(); member = null; return null;
            default: throw new IllegalArgumentException(in.toString());
        }
    }

    // Administration

    Admin admin() {
        if (admin == null) {
            admin = Admin.create(settings());
        }
        return admin;
    }

    JsonNode create(String topic, JsonNode in) throws Exception {
        Map<String, String> config = new TreeMap<>();
        in.path("config").fields().forEachRemaining(e -> config.put(e.getKey(), e.getValue().asText()));
        short copies = (short) in.path("copies").asInt(-1);
        NewTopic wanted = new NewTopic(topic, in.path("partitions").asInt(1), copies).configs(config);
        return done(admin().createTopics(List.of(wanted)).all());
    }

    JsonNode topics() throws Exception {
        ObjectNode found = JSON.createObjectNode();
        var names = admin().listTopics().names().get();
        admin().describeTopics(names).allTopicNames().get()
            .forEach((name, told) -> found.put(name, told.partitions().size()));
        return found;
    }

    JsonNode config(String topic) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        ObjectNode found = JSON.createObjectNode();
        admin().describeConfigs(List.of(resource)).all().get().get(resource).entries()
            .forEach(entry -> found.put(entry.name(), entry.value()));
        return found;
    }

    JsonNode alter(String topic, JsonNode in) throws Exception {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        ConfigEntry entry = new ConfigEntry(in.get("name").asText(), in.get("value").asText());
        List<AlterConfigOp> change = List.of(new AlterConfigOp(entry, AlterConfigOp.OpType.SET));
        return done(admin().incrementalAlterConfigs(Map.of(resource, change)).all());
    }

    JsonNode deleteRecords(JsonNode in) throws Exception {
        RecordsToDelete before = RecordsToDelete.beforeOffset(in.get("before").asLong());
        var told = admin().deleteRecords(Map.of(place(in), before)).lowWatermarks();
        return JSON.getNodeFactory().numberNode(told.get(place(in)).get().lowWatermark());
    }

    JsonNode offsets(TopicPartition place) throws Exception {
        ArrayNode found = JSON.createArrayNode();
        for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.latest())) {
            found.add(admin().listOffsets(Map.of(place, spec)).partitionResult(place).get().offset());
        }
        return found;
    }

    JsonNode groups() throws Exception {
        ArrayNode found = JSON.createArrayNode();
        for (ConsumerGroupListing group : admin().listConsumerGroups().all().get()) {
            found.add(group.groupId());
        }
        return found;
    }

    JsonNode group(String group) throws Exception {
        ConsumerGroupDescription told =
            admin().describeConsumerGroups(List.of(group)).describedGroups().get(group).get();
        List<TopicPartition> owned = new ArrayList<>();
        for (MemberDescription one : told.members()) {
            owned.addAll(one.assignment().topicPartitions());
        }
        ObjectNode found = JSON.createObjectNode();
        found.put("state", told.state().toString());
        found.put("members", told.members().size());
        found.set("assigned", places(owned));
        return found;
    }

    JsonNode groupOffsets(String group) throws Exception {
        Map<TopicPartition, OffsetAndMetadata> told =
            admin().listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        ArrayNode found = JSON.createArrayNode();
        for (TopicPartition place : sorted(told.keySet())) {
            found.addArray().add(place.topic()).add(place.partition()).add(told.get(place).offset());
        }
        return found;
    }

    JsonNode cluster() throws Exception {
        var told = admin().describeCluster();
        ObjectNode found = JSON.createObjectNode();
        found.put("id", told.clusterId().get());
        found.put("nodes", told.nodes().get().size());
        return found;
    }

    // Data

    JsonNode produce(String topic, JsonNode in) throws Exception {
        Properties settings = settings();
        settings.put("compression.type", in.path("compression").asText("none"));
        settings.put("acks", in.path("acks").asText("all"));
        settings.put("enable.idempotence", in.path("idempotent").asBoolean(false));
        settings.put("linger.ms", 5);
        settings.put("max.request.size", 8 << 20);
        settings.put("delivery.timeout.ms", 30_000);
        settings.put("request.timeout.ms", 20_000);
        ArrayNode placed = JSON.createArrayNode();
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (JsonNode row : in.get("records")) {
                sent.add(producer.send(record(topic, row)));
            }
            producer.flush();
            for (Future<RecordMetadata> future : sent) {
                RecordMetadata told = future.get();
                placed.addArray().add(told.partition()).add(told.offset());
            }
        }
        return placed;
    }

    static ProducerRecord<byte[], byte[]> record(String topic, JsonNode row) {
        Integer partition = row.get(4).isNull() ? null : row.get(4).asInt();
        Long timestamp = row.get(3).isNull() ? null : row.get(3).asLong();
        var made = new ProducerRecord<>(topic, partition, timestamp, data(row.get(0)), data(row.get(1)));
        for (JsonNode header : row.get(2)) {
            made.headers().add(header.get(0).asText(), data(header.get(1)));
        }
        return made;
    }

    JsonNode read(String topic, JsonNode in) throws Exception {
        Properties settings = settings();
        settings.put("enable.auto.commit", false);
        settings.put("allow.auto.create.topics", false);
        TopicPartition place = place(in);
        ArrayNode rows = JSON.createArrayNode();
        try (var reader = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            if (!reader.listTopics(PATIENCE).containsKey(topic)) {
                throw new UnknownTopicOrPartitionException(topic);
            }
            reader.assign(List.of(place));
            if (in.hasNonNull("at_ms")) {
                long time = in.get("at_ms").asLong();
                reader.seek(place, reader.offsetsForTimes(Map.of(place, time)).get(place).offset());
            } else if (in.hasNonNull("offset")) {
                reader.seek(place, in.get("offset").asLong());
            } else {
                reader.seekToBeginning(List.of(place));
            }
            take(reader, in.get("count").asInt(), rows);
        }
        return rows;
    }

    static void take(KafkaConsumer<byte[], byte[]> reader, int count, ArrayNode rows) {
        long until = System.nanoTime() + PATIENCE.toNanos();
        while (rows.size() < count) {
            if (System.nanoTime() > until) {
                throw new IllegalStateException("only " + rows.size() + " of " + count + " records came");
            }
            for (ConsumerRecord<byte[], byte[]> found : reader.poll(Duration.ofMillis(500))) {
                if (rows.size() == count) {
                    return;
                }
                ArrayNode row = rows.addArray().add(found.offset()).add(found.timestamp());
                row.add(text(found.key())).add(text(found.value()));
                ArrayNode headers = row.addArray();
                for (Header header : found.headers()) {
                    headers.addArray().add(header.key()).add(text(header.value()));
                }
            }
        }
    }

    // A group

    JsonNode join(String group, JsonNode in) {
        Properties settings = settings();
        settings.put("group.id", group);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", false);
        settings.put("session.timeout.ms", in.path("session_ms").asInt(10_000));
        settings.put("heartbeat.interval.ms", 500);
        settings.put("metadata.max.age.ms", 1000);
        settings.put("partition.assignment.strategy", ASSIGNORS.get(in.path("strategy").asText("range")));
        if (in.hasNonNull("instance")) {
            settings.put("group.instance.id", in.get("instance").asText());
        }
        seen = JSON.createArrayNode();
        given = JSON.createArrayNode();
        taken = JSON.createArrayNode();
        List<String> topics = new ArrayList<>();
        in.get("topics").forEach(topic -> topics.add(topic.asText()));
        member = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        member.subscribe(topics, new ConsumerRebalanceListener() {
            public void onPartitionsAssigned(Collection<TopicPartition> places) {
                given.addAll((ArrayNode) places(places));
            }

            public void onPartitionsRevoked(Collection<TopicPartition> places) {
                taken.addAll((ArrayNode) places(places));
            }
        });
        return null;
    }

    JsonNode state() {
        ObjectNode found = JSON.createObjectNode();
        found.set("assigned", places(member.assignment()));
        found.set("seen", seen);
        found.set("given", given);
        found.set("taken", taken);
        return found;
    }

    void poll() {
        for (ConsumerRecord<byte[], byte[]> found : member.poll(Duration.ofMillis(50))) {
            ArrayNode row = seen.addArray().add(found.topic()).add(found.partition());
            row.add(found.offset()).add(text(found.value()));
        }
    }

    // What travels

    Properties settings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        return settings;
    }

    static JsonNode done(Future<?> future) throws Exception {
        future.get();
        return null;
    }

    static TopicPartition place(JsonNode in) {
        return new TopicPartition(in.get("topic").asText(), in.path("partition").asInt(0));
    }

    static Collection<TopicPartition> sorted(Collection<TopicPartition> places) {
        TreeMap<String, TopicPartition> found = new TreeMap<>();
        places.forEach(place -> found.put(String.format("%s %08d", place.topic(), place.partition()), place));
        return found.values();
    }

    static JsonNode places(Collection<TopicPartition> places) {
        ArrayNode found = JSON.createArrayNode();
        sorted(places).forEach(place -> found.addArray().add(place.topic()).add(place.partition()));
        return found;
    }

    static byte[] data(JsonNode words) {
        return words.isNull() ? null : words.asText().getBytes(StandardCharsets.ISO_8859_1);
    }

    static String text(byte[] data) {
        return data == null ? null : new String(data, StandardCharsets.ISO_8859_1);
    }
}
