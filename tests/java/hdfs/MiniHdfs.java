import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.security.PrivilegedExceptionAction;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.util.ToolRunner;

/**
 * A NameNode and some DataNodes in this process, on real TCP ports of 127.0.0.1. Commands come as lines on the standard input, and each
 * is answered with one line, "ok ..." or "failed ...". The process ends with its input.
 *
 * Usage: MiniHdfs PORT DATANODES FOLDER [key=value]...
 */
public final class MiniHdfs {
  private final MiniDFSCluster cluster;
  private final MiniDFSCluster.DataNodeProperties[] stopped;
  private final String[] names;

  private MiniHdfs(MiniDFSCluster cluster) {
    this.cluster = cluster;
    int count = cluster.getDataNodes().size();
    stopped = new MiniDFSCluster.DataNodeProperties[count];
    names = new String[count];
    for (int i = 0; i < count; i++) {
      names[i] = cluster.getDataNodes().get(i).getDatanodeId().getXferAddr();
    }
  }

  private String run(String command) throws Exception {
    String[] words = command.split("[ \t]");
    switch (words[0]) {
      case "stop-namenode":
        cluster.shutdownNameNode(0);
        return "";
      case "start-namenode":
        cluster.restartNameNode(0, true);
        return "";
      case "stop-datanode": {
        int index = Integer.parseInt(words[1]);
        stopped[index] = cluster.stopDataNode(names[index]);
        return names[index];
      }
      case "start-datanode": {
        int index = Integer.parseInt(words[1]);
        // On the port it had, so that the next stop finds it.
        cluster.restartDataNode(stopped[index], true);
        cluster.waitActive();
        return names[index];
      }
      case "erasure-code": {
        // The one policy that three DataNodes can hold.
        String policy = "XOR-2-1-1024k";
        DistributedFileSystem fs = cluster.getFileSystem();
        fs.enableErasureCodingPolicy(policy);
        fs.mkdirs(new Path(words[1]));
        fs.setErasureCodingPolicy(new Path(words[1]), policy);
        return policy;
      }
      case "fs":
        return shell(words[1], command.split("\t"));
      case "replication":
        return Short.toString(cluster.getFileSystem().getFileStatus(new Path(words[1])).getReplication());
      case "mkdir": {
        Path path = new Path(words[1]);
        cluster.getFileSystem().mkdirs(path);
        cluster.getFileSystem().setPermission(path, new FsPermission((short) Integer.parseInt(words[2], 8)));
        return "";
      }
      default:
        throw new IllegalArgumentException("unknown command");
    }
  }

  /** Hadoop's own shell: "fs USER", then a tab before each of its arguments. What it printed comes in one line. */
  private String shell(String user, String[] words) throws Exception {
    String[] arguments = Arrays.copyOfRange(words, 1, words.length);
    PrintStream out = System.out;
    PrintStream err = System.err;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream both = new PrintStream(printed, true, "UTF-8");
    System.setOut(both);
    System.setErr(both);
    int code;
    try {
      UserGroupInformation who = UserGroupInformation.createRemoteUser(user);
      code = who.doAs((PrivilegedExceptionAction<Integer>) () -> {
        FsShell shell = new FsShell(new Configuration(cluster.getConfiguration(0)));
        try {
          return ToolRunner.run(shell, arguments);
        } finally {
          shell.close();
        }
      });
    } finally {
      System.setOut(out);
      System.setErr(err);
    }
    return code + " " + printed.toString("UTF-8").replace("\\", "\\\\").replace("\n", "\\n");
  }

  public static void main(String[] args) throws Exception {
    // Answers only, whatever Hadoop prints.
    PrintStream answers = System.out;
    System.setOut(System.err);
    File folder = new File(args[2]);
    Configuration conf = new HdfsConfiguration();
    conf.set("dfs.namenode.rpc-bind-host", "127.0.0.1");
    for (int i = 3; i < args.length; i++) {
      String[] setting = args[i].split("=", 2);
      conf.set(setting[0], setting[1]);
    }
    MiniDFSCluster cluster = new MiniDFSCluster.Builder(conf, folder)
        .nameNodePort(Integer.parseInt(args[0]))
        .numDataNodes(Integer.parseInt(args[1]))
        .build();
    cluster.waitActive();
    MiniHdfs hdfs = new MiniHdfs(cluster);
    answers.println("ok " + cluster.getURI());
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    for (String command = commands.readLine(); command != null; command = commands.readLine()) {
      try {
        answers.println(("ok " + hdfs.run(command)).trim());
      } catch (Exception e) {
        e.printStackTrace();
        answers.println(("failed " + e).replace('\n', ' '));
      }
    }
    // Nothing of it is kept: an orderly end would only take time.
    Runtime.getRuntime().halt(0);
  }
}
