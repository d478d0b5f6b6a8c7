import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.contract.AbstractBondedFSContract;
import org.apache.hadoop.fs.contract.AbstractContractAppendTest;
import org.apache.hadoop.fs.contract.AbstractContractConcatTest;
import org.apache.hadoop.fs.contract.AbstractContractCopyFromLocalTest;
import org.apache.hadoop.fs.contract.AbstractContractCreateTest;
import org.apache.hadoop.fs.contract.AbstractContractDeleteTest;
import org.apache.hadoop.fs.contract.AbstractContractGetFileStatusTest;
import org.apache.hadoop.fs.contract.AbstractContractMkdirTest;
import org.apache.hadoop.fs.contract.AbstractContractOpenTest;
import org.apache.hadoop.fs.contract.AbstractContractRenameTest;
import org.apache.hadoop.fs.contract.AbstractContractRootDirectoryTest;
import org.apache.hadoop.fs.contract.AbstractContractSeekTest;
import org.apache.hadoop.fs.contract.AbstractContractSetTimesTest;
import org.apache.hadoop.fs.contract.AbstractContractUnbufferTest;
import org.apache.hadoop.fs.contract.AbstractFSContract;

/** A cluster as Hadoop's contract tests see it: what it promises is in conf/contract/alluxio.xml. */
public final class AlluxioContract extends AbstractBondedFSContract {
  /** The property that holds the address of the cluster, alluxio://host:port. */
  static final String ADDRESS = "contract.address";

  AlluxioContract(Configuration conf) {
    super(conf);
    addConfResource("contract/alluxio.xml");
    getConf().set(FSNAME_OPTION_OF_ALLUXIO, System.getProperty(ADDRESS));
  }

  private static final String FSNAME_OPTION_OF_ALLUXIO = "fs.contract.test.fs.alluxio";

  @Override
  public String getScheme() {
    return "alluxio";
  }

  /** The families, in the order in which they run. That of the root directory empties the cluster: it is the last. */
  static final Class<?>[] FAMILIES = {
    Create.class, Open.class, Mkdir.class, Rename.class, Delete.class, Append.class, Concat.class, Seek.class,
    GetFileStatus.class, SetTimes.class, Unbuffer.class, CopyFromLocal.class, RootDirectory.class
  };

  public static final class Create extends AbstractContractCreateTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Open extends AbstractContractOpenTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Mkdir extends AbstractContractMkdirTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Rename extends AbstractContractRenameTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Delete extends AbstractContractDeleteTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Append extends AbstractContractAppendTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Concat extends AbstractContractConcatTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Seek extends AbstractContractSeekTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class GetFileStatus extends AbstractContractGetFileStatusTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class SetTimes extends AbstractContractSetTimesTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class Unbuffer extends AbstractContractUnbufferTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class CopyFromLocal extends AbstractContractCopyFromLocalTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }

  public static final class RootDirectory extends AbstractContractRootDirectoryTest {
    @Override
    protected AbstractFSContract createContract(Configuration conf) {
      return new AlluxioContract(conf);
    }
  }
}
