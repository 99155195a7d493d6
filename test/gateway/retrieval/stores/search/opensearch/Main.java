import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.index.reindex.ReindexPlugin;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;
import org.opensearch.transport.Netty4Plugin;

/** One node of OpenSearch with its REST API at a port of this machine, and nothing else. */
public class Main {
  static class Own extends Node {
    Own(Environment environment, Collection<Class<? extends Plugin>> plugins) {
      super(environment, plugins, true);
    }
  }

  public static void main(String[] arguments) throws Exception {
    Path home = Files.createDirectories(Path.of(arguments[1]));
    Settings settings = Settings.builder()
        .put("path.home", home.toString())
        .put("cluster.name", "test")
        .put("node.name", "test")
        .put("discovery.type", "single-node")
        .put("transport.type", "netty4")
        .put("http.type", "netty4")
        .put("http.port", arguments[0])
        .put("transport.port", "0")
        .put("network.host", "127.0.0.1")
        .put("cluster.routing.allocation.disk.threshold_enabled", false)
        .build();
    Environment environment =
        InternalSettingsPreparer.prepareEnvironment(settings, Collections.emptyMap(), null, () -> "test");
    new Own(environment, List.of(Netty4Plugin.class, ReindexPlugin.class)).start();
    Thread.currentThread().join();
  }
}
