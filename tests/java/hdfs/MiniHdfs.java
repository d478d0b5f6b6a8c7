import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Files;
import java.security.PrivilegedExceptionAction;
import java.util.Arrays;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.hdfs.HdfsConfiguration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology.NNConf;
import org.apache.hadoop.hdfs.MiniDFSNNTopology.NSConf;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;
import org.apache.hadoop.security.UserGroupInformation;
import org.apache.hadoop.util.ToolRunner;
import org.apache.kerby.kerberos.kerb.KrbException;
import org.apache.kerby.kerberos.kerb.server.SimpleKdcServer;

/**
 * A NameNode and some DataNodes in this process, on real TCP ports of 127.0.0.1. Commands come as lines on the standard input, and each
 * is answered with one line, "ok ..." or "failed ...". The process ends with its input.
 *
 * <p>With two ports there are two NameNodes, nn1 and nn2 of the name service "rig"; the first is active until told otherwise. With the
 * setting "rig.kdc.port" there is a KDC as well, and nothing goes without Kerberos; its files are in FOLDER/../kdc. With
 * "rig.datanode.address" the DataNodes listen there.
 *
 * Usage: MiniHdfs PORT[,PORT] DATANODES FOLDER [key=value]...
 */
public final class MiniHdfs {
  private static final String REALM = "RIG.TEST";

  private final MiniDFSCluster cluster;
  private int active = 0;
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
        cluster.shutdownNameNode(active);
        return "";
      case "start-namenode":
        cluster.restartNameNode(0, true);
        return "";
      case "activate": {
        int next = Integer.parseInt(words[1]);
        if (cluster.getNameNode(active) != null && next != active) {
          cluster.transitionToStandby(active);
        }
        cluster.transitionToActive(next);
        active = next;
        return "";
      }
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
      case "datanode-port":
        return Integer.toString(cluster.getDataNodes().get(Integer.parseInt(words[1])).getXferPort());
      case "erasure-code": {
        // The one policy that three DataNodes can hold.
        String policy = "XOR-2-1-1024k";
        DistributedFileSystem fs = cluster.getFileSystem(active);
        fs.enableErasureCodingPolicy(policy);
        fs.mkdirs(new Path(words[1]));
        fs.setErasureCodingPolicy(new Path(words[1]), policy);
        return policy;
      }
      case "fs":
        return shell(words[1], command.split("\t"));
      case "replication":
        return Short.toString(cluster.getFileSystem(active).getFileStatus(new Path(words[1])).getReplication());
      case "owner":
        return cluster.getFileSystem(active).getFileStatus(new Path(words[1])).getOwner();
      case "mkdir": {
        Path path = new Path(words[1]);
        cluster.getFileSystem(active).mkdirs(path);
        cluster.getFileSystem(active).setPermission(path, new FsPermission((short) Integer.parseInt(words[2], 8)));
        return "";
      }
      default:
        throw new IllegalArgumentException("unknown command");
    }
  }

  /** A KDC of this process, and the settings of an HDFS that knows nobody without a ticket of it. */
  private static void startKdc(File folder, Configuration conf) throws IOException, KrbException {
    Files.createDirectories(folder.toPath());
    int port = conf.getInt("rig.kdc.port", 0);
    String settings = "[libdefaults]\ndefault_realm = " + REALM + "\ndns_lookup_kdc = false\ndns_lookup_realm = false\n"
        + "dns_canonicalize_hostname = false\nrdns = false\nudp_preference_limit = 1\n"
        + "[realms]\n" + REALM + " = {\n  kdc = 127.0.0.1:" + port + "\n}\n[domain_realm]\nlocalhost = " + REALM + "\n";
    SimpleKdcServer kdc = new SimpleKdcServer();
    kdc.setWorkDir(folder);
    kdc.setKdcHost("127.0.0.1");
    kdc.setKdcRealm(REALM);
    kdc.setAllowTcp(true);
    kdc.setAllowUdp(false);
    kdc.setKdcTcpPort(port);
    kdc.init();
    kdc.start();
    // In the place of its own, which says less.
    File krb5 = new File(folder, "krb5.conf");
    Files.write(krb5.toPath(), settings.getBytes("UTF-8"));
    System.setProperty("java.security.krb5.conf", krb5.getPath());
    String keytab = new File(folder, "hdfs.keytab").getPath();
    kdc.createAndExportPrincipals(new File(keytab), "hdfs/localhost", "HTTP/localhost");
    kdc.createAndExportPrincipals(new File(folder, "alluxio.keytab"), "alluxio");
    String hdfs = "hdfs/localhost@" + REALM;
    conf.set("hadoop.security.authentication", "kerberos");
    conf.set("hadoop.security.authorization", "true");
    for (String role : new String[] {"namenode", "datanode"}) {
      conf.set("dfs." + role + ".kerberos.principal", hdfs);
      conf.set("dfs." + role + ".keytab.file", keytab);
    }
    conf.set("dfs.web.authentication.kerberos.principal", "HTTP/localhost@" + REALM);
    conf.set("dfs.web.authentication.kerberos.keytab", keytab);
    conf.set("dfs.block.access.token.enable", "true");
    conf.set("dfs.data.transfer.protection", "authentication");
    // Else a DataNode wants HTTPS, which is nobody's matter here.
    conf.set("ignore.secure.ports.for.testing", "true");
    UserGroupInformation.setConfiguration(conf);
    UserGroupInformation.loginUserFromKeytab(hdfs, keytab);
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
        FsShell shell = new FsShell(new Configuration(cluster.getConfiguration(active)));
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
    if (conf.get("rig.kdc.port") != null) {
      startKdc(new File(folder.getParentFile(), "kdc"), conf);
    }
    String[] ports = args[0].split(",");
    MiniDFSCluster.Builder builder = new MiniDFSCluster.Builder(conf, folder).numDataNodes(Integer.parseInt(args[1]));
    // As which a DataNode is known to clients, if that is set.
    builder.checkDataNodeHostConfig(true);
    // Where they listen for clients, if that is set; what nobody asks for stays on loopback.
    String address = conf.get("rig.datanode.address");
    if (address != null) {
      conf.set("dfs.datanode.address", address + ":0");
      conf.set("dfs.datanode.http.address", "127.0.0.1:0");
      conf.set("dfs.datanode.ipc.address", "127.0.0.1:0");
      builder.checkDataNodeAddrConfig(true);
    }
    if (ports.length == 1) {
      builder.nameNodePort(Integer.parseInt(ports[0]));
    } else {
      NSConf service = new NSConf("rig");
      for (int i = 0; i < ports.length; i++) {
        service.addNN(new NNConf("nn" + (i + 1)).setIpcPort(Integer.parseInt(ports[i])));
      }
      builder.nnTopology(new MiniDFSNNTopology().addNameservice(service));
    }
    MiniDFSCluster cluster = builder.build();
    if (ports.length > 1) {
      cluster.transitionToActive(0);
    }
    cluster.waitActive();
    MiniHdfs hdfs = new MiniHdfs(cluster);
    answers.println("ok");
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
